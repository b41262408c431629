"""What the self-test starts in a process of its own:

python -m engines.self_test.child train DEVICE FOLDER RUN    trains in RUN, and prints the number of each checkpoint;
                                                             is killed
python -m engines.self_test.child paths DEVICE FOLDER        proves every fast path; a line of JSON for each
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from engines.fast_paths import learning
from engines.fast_paths.record import FastPath
from engines.self_test import card
from engines.self_test.bench import Bench, run
from engines.training.report import Silent


class _Counts(Silent):
    """Prints the number of each step that is written down."""

    def checkpoint(self, step: int) -> None:
        print(step, flush=True)


def main(what: str, device: torch.device, folder: Path, run_folder: Path | None = None) -> None:
    bench = Bench(device, folder, lambda: None)
    if what == "train":
        assert run_folder is not None, "a training has a folder"
        run(device, run_folder, report=_Counts())
        return
    for path in FastPath:
        if learning.capable(path, device):
            print(json.dumps({"path": path, "outcome": card.prove(bench, path)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], torch.device(sys.argv[2]), *map(Path, sys.argv[3:]))
