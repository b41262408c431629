"""Hearing what is said in a file, for whoever asks."""
