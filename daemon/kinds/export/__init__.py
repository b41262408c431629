"""Writing a version for other tools."""
