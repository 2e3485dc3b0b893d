"""What every layer may use: errors, settings, the clock. Standard library only."""
