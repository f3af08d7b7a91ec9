"""What departments answer."""
