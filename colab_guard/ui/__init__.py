"""The status panel, as docs/panel.md has it: what it shows, what was pressed, and the widget between the two.

Knows sessions, and no notebook: what only a notebook can do is handed in. ``telling`` is a state as text and HTML.
Only ``widget`` imports ipywidgets and anywidget, and is itself imported when a panel is shown.
"""
