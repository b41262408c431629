"""State functions: one file a noun, each function takes a database session, checks, acts, and emits the event that
tells of it.

Nothing here waits, opens files of a job or talks gRPC (messages are only built). Called by services, the scheduler, the
inbox and kinds.
"""
