"""What a training costs more on a Ray cluster than here: the same glow training in copies of one home, in turn here, by
way of the shared folder, and on a cluster of two nodes that is this machine, too. So all that differs is what
`daemon.far` and Ray do: storing, asking, fetching, passing on, landing. The weights must be the same. Of a job's
time what its steps took is not counted: they are the same everywhere, and a busy machine makes them longer or shorter.
For the same reason it is the least of some rounds that is compared.

Needs ray (pip install 'myna-voice[ray]').

    python -m benchmarks.far_training [--steps 20] [--rounds 3]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.bars import tell
from benchmarks.speech_during_training import base_of
from proto import myna_pb2 as pb
from tests.e2e.ray_cluster import RayCluster
from tests.e2e.workshop import ANNA, NAMES, SETTINGS, VOICE, Workshop, ended, job_is, until, weights

BAR = 30.0  #: seconds more, a training
WAYS = ("here", "process", "ray")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if importlib.util.find_spec("ray") is None:
        print("ray is not installed: pip install 'myna-voice[ray]'", file=sys.stderr)
        return 1
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    made: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="ray-") as short:
        folder = Path(short)
        base, which = base_of(folder)
        home = folder / "home"
        take(home, base)
        with RayCluster(folder / "s", folder / "machine") as cluster:
            for number in range(options.rounds):
                for way in WAYS:
                    seconds, digest = train(folder, home, base, way, cluster.address, options.steps, number)
                    took[way].append(seconds)
                    made.add(digest)
    for way in WAYS:
        print(f"# {way}: {', '.join(f'{seconds:.1f}' for seconds in took[way])} s beside the steps")
    here = min(took["here"])
    for way in WAYS[1:]:
        more = min(took[way]) - here
        measured = f"{more:.1f} s more than {here:.1f} s (the least of {options.rounds} each; {which})"
        tell(f"a training by {way}, beside the same here", measured, f"≤ {BAR:g} s", more <= BAR)
    tell("weights, by every way", f"{len(made)} different", "1", len(made) == 1)
    return 0


def take(home: Path, base: Path) -> None:
    """A home in which Anna has a dataset."""
    workshop = Workshop(home, base, SETTINGS + "auto_train = false\n")
    try:
        with workshop.up() as client:
            workshop.drop(ANNA, NAMES, options=VOICE)
            until(client, job_is(pb.DATASET, "succeeded"))
        workshop.down()
    finally:
        workshop.kill()


def train(folder: Path, home: Path, base: Path, way: str, address: str, steps: int, number: int) -> tuple[float, str]:
    """(seconds of the job from its start to its end, without those of its steps; digest of its weights)."""
    own = folder / f"{way}-{number}"
    shutil.copytree(home, own, ignore=shutil.ignore_patterns("*.sock", "mynad.out"))
    executor = f'[executor]\nkind = "{way}"\naddress = "{address}"\nstore = "file://{folder}/shared-{way}-{number}"\n'
    workshop = Workshop(own, base, f"{SETTINGS}auto_train = false\n{executor if way != 'here' else ''}")
    machine = folder / "machine"
    shutil.rmtree(machine, ignore_errors=True)  # each fetches and encodes its clips anew, as the copy of the home does
    workshop.env["MYNA_FAR_FOLDER"] = str(machine)
    try:
        with workshop.up() as client:
            asked = client.train(
                ANNA, steps=steps, checkpoint_every=40, eval_every=60, batch_size=4, seed=11, patience=0
            )
            done = ended(client, asked.id).status.succeeded
        about = json.loads((own / "voices" / ANNA / "1" / "version.json").read_text())
        seconds = (done.ended.ToNanoseconds() - done.started.ToNanoseconds()) / 1e9 - about["result"]["seconds"]
        return seconds, weights(own, ANNA, 1)
    finally:
        workshop.kill()


if __name__ == "__main__":
    sys.exit(main())
