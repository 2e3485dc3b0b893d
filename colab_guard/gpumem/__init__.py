"""GPU memory: what holds it, how it is freed and capped, and how a run is sized for it.

Knows torch, which it never imports unless the user asks to cap memory or to size a run, and no notebook: what only a
notebook has (its history of outputs, the last error) comes as ``keepers.Keepers``.
"""
