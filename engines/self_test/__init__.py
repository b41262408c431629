"""Checks of a card that its owner can run and paste (`myna doctor --gpu`): does what a training and a voice need of it
work here, with tiny weights that are made on the spot.

`result.py` is what a check finds, as values; `checks.py` has them in turn, from `card.py`, `training.py` and
`speaking.py`; `child.py` is what they start, to kill it. The program, NVML and the words are in `daemon/self_test`.
"""
