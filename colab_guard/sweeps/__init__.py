"""Many items one after another, each done once: docs/jobs.md says what that means, and where."""
