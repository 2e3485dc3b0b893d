"""A cell's source as a program that can be left at a safe point and entered again there.

Pure functions over syntax trees; nothing here runs a cell, knows a namespace or touches a file.
"""
