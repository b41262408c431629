"""Bringing an engine's base here."""
