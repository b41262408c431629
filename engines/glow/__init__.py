"""The embedded engine: a small Coqui GlowTTS at 16 kHz whose base ships with Myna, so that everything works offline on
a CPU."""
