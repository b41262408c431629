"""What stands behind the screens: the live picture of the daemon, settings, themes, actions, the palette. Draws
nothing."""
