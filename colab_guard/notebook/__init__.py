"""The only code that knows IPython and the platforms it runs on: magics, input and syntax-tree hooks, places."""
