"""The one training loop, for every engine: data order, loop, checkpoints, early stop. Knows nothing of jobs or the
database."""
