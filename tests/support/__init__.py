"""What several test folders and the demo share."""
