"""From a namespace to a snapshot: what to take, one pickle with its memory beside it, the state of the process."""
