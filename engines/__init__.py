"""Everything that touches audio or weights: the engine contract, the one training loop, audio, transcription, metrics,
and the engines.

Imports nothing of `daemon`, `tui` or `proto`. No module here knows of jobs, the database or gRPC: callers hand in
paths, settings and callbacks. `engines.registry` is the one module that the daemon itself may import, and it imports
nothing heavy.
"""
