"""Speaking a text, and what becomes of its sound after the engine."""
