"""A worker: the process that does one attempt at a job (`python -m daemon.worker`), and what its jobs share.

The only place, with `daemon.kinds.*.worker`, where daemon code meets the heavy parts of `engines`. Nothing here touches
the database: a job writes files (whole, synced, renamed into place) and reports; mynad commits rows and acknowledges.
"""
