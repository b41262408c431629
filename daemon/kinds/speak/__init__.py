"""Speaking a text."""
