"""From a snapshot back to a namespace: everything is loaded first, then put in place at once."""
