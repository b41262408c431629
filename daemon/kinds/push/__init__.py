"""Sending a version, with its model card, to a place elsewhere."""
