"""Notices over kill -9: does each arrive exactly once, in order? And what do they cost whoever does not look at them?

mynad is killed at random moments while it tells a service of one promotion after another, and the service takes up to
0.2 s to answer, so that many kills fall into the middle of a message. Notices are counted at the service, by their
numbers; what happened is read from the database. Killed with the program that sends, a message that was under way may
come again: with the same key, by which a receiver can tell.

    python -m benchmarks.operations_notices [--kills 50] [--both 20] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from benchmarks.bars import tell
from tests.daemon.receivers import receiver
from tests.e2e.notice_siege import Siege, Tally


def besieged(folder: Path, kills: int, seed: int, *, senders: bool) -> Tally:
    with receiver() as there:
        return Siege(folder, there, random.Random(seed), senders=senders).run(kills)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="of mynad")
    parser.add_argument("--both", type=int, default=20, help="of mynad and of the program that sends, at once")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="myna-") as scratch:
        alone = besieged(Path(scratch) / "alone", asked.kills, asked.seed, senders=False)
        both = besieged(Path(scratch) / "both", asked.both, asked.seed, senders=True)
    order = {True: "in order", False: "out of order"}
    tell(
        f"notices over {alone.kills} kill -9 of mynad",
        f"{alone.happened} notices: {alone.lost} lost, {alone.doubled + alone.unmarked} twice, {order[alone.in_order]}",
        "each exactly once, in order",
        alone.holds,
    )
    tell(
        f"notices over {both.kills} kill -9 of mynad and its sender",
        f"{both.happened} notices: {both.lost} lost, {both.unmarked} twice that a receiver cannot tell, "
        f"{both.doubled} twice with the same key, {order[both.in_order]}",
        "none lost; what comes twice has the same key",
        not both.lost and not both.unmarked and both.in_order,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
