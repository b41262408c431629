"""The wire contract: `myna.proto` (the API), `worker.proto` (frames between daemon and worker), their generated code,
the thin client (written once, in `client_async.py`), and what both of its sides do alike (`people_toml.py`,
`findings.py`).

Imports nothing of `daemon`, `engines` or `tui`. Generated files are made by `make proto` and never edited.
"""
