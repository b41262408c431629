"""How Myna does, in numbers that a monitoring system keeps: Prometheus metrics (docs/metrics.md).

`meters.py` counts what happens, as it happens; `gauges.py` reads how things stand, when they are asked for, and
`month.py` what this month took. Labels have
few values, that no person and no text makes: kinds, states, engines, numbers of GPUs; never names of voices or people.
"""
