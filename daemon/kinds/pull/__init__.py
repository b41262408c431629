"""Fetching a version that was pushed to a place elsewhere."""
