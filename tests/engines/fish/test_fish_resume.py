"""SIGKILL on the way changes no bit of what fish learns, whole or by adapters; nor is a clip encoded twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from killed_run import check_bit_for_bit

from engines.base import Clip
from engines.features import encode_all
from engines.fish.engine import FishEngine
from engines.training.control import Command, Free, Stopped

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    "rank", [pytest.param("0", id="full", marks=pytest.mark.slow), pytest.param("4", id="lora", marks=pytest.mark.long)]
)
def test_a_killed_training_ends_with_the_same_weights_bit_for_bit(rank: str, tiny: Path, tmp_path: Path) -> None:
    check_bit_for_bit(HERE / "fish_run.py", tmp_path, MYNA_FISH_BASE=str(tiny), FISH_LORA_RANK=rank)


class StopAfterSome(Free):
    def __init__(self, most: int) -> None:
        self.left = most

    def poll(self) -> Command:
        self.left -= 1
        return Command.GO if self.left >= 0 else Command.STOP


def test_encoding_goes_on_where_it_stopped(engine: FishEngine, clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        encode_all(engine, clips, tmp_path, StopAfterSome(3))
    there = len(list(tmp_path.glob("*.safetensors")))
    assert there == 3
    done = encode_all(engine, clips, tmp_path)
    assert (len(done.kept), done.from_cache, done.dropped) == (len(clips), there, [])
