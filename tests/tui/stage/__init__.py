"""A daemon made of paper: a real gRPC server on the real Unix socket that answers with fixed rows, and can be made to
vanish and return.

For what the real mynad cannot show quickly (a trained voice, a lost connection in the middle of a watch). A module a
service; `server.py` puts them together.
"""
