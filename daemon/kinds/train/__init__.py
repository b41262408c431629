"""Training a version."""
