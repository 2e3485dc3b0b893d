"""Keep-alive: what each channel does, and when; docs/keepalive.md says it."""
