"""The kinds of jobs, a folder each: `server.py` is mynad's half (a `kind.Kind`, which runs inside a database
transaction, never waits and never loads torch), `worker.py` the half that does the work in a worker process (`run(plan,
channel) -> sentence`, which knows no database). What one half needs beside it lies in the same folder.

A new kind is a folder here, a line in `registry.py`, its specs in `proto/myna.proto` (JobSpec, JobKind) and
`proto/worker.proto` (Start), and its name in `daemon.state.jobs.NAMES`. What every kind has in common: `lifecycle.py`.
"""
