"""What each kind of job means: one module a kind for the server's half, which runs inside a database transaction, never does heavy work,
never imports torch, and never waits. The heavy half of a kind is its namesake in `daemon/jobs/`; it runs in a worker and knows no database.
"""
