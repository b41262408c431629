"""The machine: GPUs through NVML, CPU, memory and disk, and what is wrong with it (`doctor`).

Belongs here: measuring. Does not: deciding what follows from it.
"""
