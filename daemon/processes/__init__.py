"""Processes, mynad's end of them: the lock that makes it the only one, the launcher that starts workers, and workers as
mynad sees them.

mynad could start workers itself: two thousand starts (vfork and exec from its main thread) beside a busy gRPC went
well, at the same speed. But when it is killed, nobody is left to end their process groups, and what workers had started
lives on; the launcher outlives it.

`launcher_program` is the other end: the launcher's own program. The workers' own program is `daemon.worker`.
"""
