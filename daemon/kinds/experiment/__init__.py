"""Choosing what an experiment tries next, and leading it from trial to trial."""
