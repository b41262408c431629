"""The daemon `mynad`: owns the state and the GPU. Never imports torch.

What belongs here: gRPC services (`services/`, one file each: parse, call one state function, answer), state functions over SQLite
(`state/`), what each kind of job means to the daemon (`kinds/`), the scheduler, launcher, inbox and monitors. `jobs/` is what a job kind
does inside a worker process, and is (with `worker.py`) the only place where daemon code meets `engines`.
"""
