"""The Wyoming door: how Home Assistant and its satellites ask for speech."""
