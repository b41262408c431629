"""The smallest engine that only speaks, as a remote one would: nothing of it is on this machine, and nothing can be
trained."""
