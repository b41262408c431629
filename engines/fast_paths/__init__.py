"""Quicker ways to do the same on a card, each of which proves itself before it is taken.

A fast path is compared with the plain one once, at first use on a card, and what came of it is kept by card, driver and
torch (`record.py`). A path that differed, raised, or took its process down with it is not taken: the plain one runs,
the log and `myna doctor` say so. `proving.py` is that rule, `card.py` asks it for a device (a CPU has no fast paths),
`learning.py` proves those of trainings; the decoding one is in `engines/autoregressive/graphs.py`.
"""
