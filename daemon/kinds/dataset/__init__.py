"""Cutting recordings into clips, and making the next dataset."""
