"""Sound in and out: decode any recording, resample, write FLAC, measure levels. Nothing here imports torch."""
