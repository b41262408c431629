"""A GPU that is pretended: engines run on a device "gpu:0" of a CPU build of torch, so that a tensor left on the CPU,
and a wait of the host for the card, show without a card. docs/writing-an-engine.md says how to run it and what it
proves."""
