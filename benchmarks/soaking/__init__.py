"""The parts of `benchmarks.soak`: a mynad whose clock is moved, those who use it, and what is seen of it meanwhile."""
