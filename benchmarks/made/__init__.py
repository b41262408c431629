"""What benchmarks measure on, made at run time and kept in the system's temporary folder: nothing of it is in the
repository."""
