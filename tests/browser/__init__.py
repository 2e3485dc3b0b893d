"""What is seen in a real browser: Chromium, driven by Playwright."""
