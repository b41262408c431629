"""Whether a clip is kept, from what was measured of it: plain numbers in, a decision out. Nothing here hears a sound or
loads anything heavy, so that mynad judges again, with other limits, by itself and at once."""
