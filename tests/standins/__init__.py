"""Stand-ins for what can't be had here: Google Drive's mount (`drive`) and the package google.colab (`colab`).

Each says in its docstring what it is made from and what it can't show. `fixtures` has them for tests.
"""
