"""Who works when: the scheduler, one attempt at a job, speech while a training runs, and a training's share of the GPU.

Belongs here: order, giving way, deaths. Does not: what a kind of job is about, which its `Kind` says.
"""
