"""Making a voice from another one's clips: another pitch, pace, liveliness."""
