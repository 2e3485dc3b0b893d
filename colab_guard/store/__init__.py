"""Where snapshots are kept: bytes and names, and nothing about what they mean. See docs/format.md."""
