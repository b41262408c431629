"""How the detector of overlapping speech was made. Not needed to use it."""
