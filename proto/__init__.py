"""The wire contract: `myna.proto` (the API), `worker.proto` (frames between daemon and worker), their generated code, and the thin client.

Imports nothing of `daemon`, `engines` or `tui`. Generated files are made by `make proto` and never edited.
"""
