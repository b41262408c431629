"""The base's files: where they are, and whether they are what they should be. Imports nothing heavy; nothing is unpickled here.

Pickles (`.pth`) are only ever opened by `torch.load(…, weights_only=True)`, in the modules that load them.
"""

from __future__ import annotations

from pathlib import Path

from engines import weights
from engines.xtts.info import INFO


def base_dir() -> Path:
    """Folder with model.pth, config.json, vocab.json, speakers_xtts.pth, dvae.pth and mel_stats.pth: `MYNA_XTTS_BASE`, else
    `engines/xtts` in Myna's home. Raises WeightsMissing with how to get them."""
    return weights.base_dir(INFO)
