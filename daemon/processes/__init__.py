"""Processes, mynad's end of them: the lock that makes it the only one, the launcher that starts workers, and workers as mynad sees them.

`launcher_program` is the other end: the launcher's own program. The workers' own program is `daemon.worker`.
"""
