"""A worker on another machine: `daemon.far.relay` stands here in a worker's place and speaks with mynad as a worker
does; `daemon.far.agent` runs there, beside the real worker. Between them there are only files of a folder that both
reach by fsspec (`shared_store`), and they are the truth. Who starts the agent there, an `executor`, is believed
nothing: not that it runs, and not that it ended.

mynad imports none of this but `cluster` (what lanes there are) and `errand` (what a relay is told); neither does it
import ray or fsspec. docs/scaling.md tells people how it works.
"""
