"""The main story, played over HTTP against really running processes."""
