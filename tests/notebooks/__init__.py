"""The notebooks that users read, run as users run them; and the demo."""
