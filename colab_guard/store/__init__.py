"""Repositories of snapshots: names and bytes, no Python objects. The format stands in docs/format.md."""
