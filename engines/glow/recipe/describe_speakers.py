"""Write a base's speakers.json, for a new voice's start: `python -m engines.glow.recipe.describe_speakers CORPUS
BASE`."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import soundfile as sf

from engines.glow.model import VOICES
from engines.metrics.similarity import embed, mean_embedding

CLIPS = 20  #: of a speaker


def describe(corpus: Path, base: Path) -> None:
    by_speaker: dict[str, list[Path]] = defaultdict(list)
    for line in (corpus / "corpus.jsonl").read_text().splitlines():
        clip = json.loads(line)
        by_speaker[clip["speaker"]].append(corpus / clip["path"])
    means = {
        name: [
            round(float(value), 4)
            for value in mean_embedding([embed(sf.read(path, dtype="float32")[0]) for path in paths[:CLIPS]])
        ]
        for name, paths in by_speaker.items()
    }
    (base / VOICES).write_text(json.dumps(means) + "\n")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("base", type=Path)
    options = arguments.parse_args()
    describe(options.corpus, options.base)


if __name__ == "__main__":
    main()
