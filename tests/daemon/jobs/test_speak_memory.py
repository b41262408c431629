"""How much the speech worker holds: the voices spoken last, up to a budget, in which what they share is there once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from recorded import Recorded

from daemon.kinds.speak import worker as speak
from daemon.worker.loaded import Loaded
from daemon.worker.versions import LINEAGE
from engines import registry
from engines.autoregressive import projections
from engines.base import LoraSettings
from engines.fish import tiny_base
from engines.fish.engine import create
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.made_once import made_once

pytestmark = pytest.mark.integration


def voice(*modules: torch.nn.Module) -> Any:
    """What is looked at of a loaded model."""
    return SimpleNamespace(module=modules[0], held=modules)


def linear() -> torch.nn.Linear:
    """A matrix of 4,096 bytes."""
    return torch.nn.Linear(32, 32, bias=False)


def names(held: Loaded) -> list[str]:
    return [name for name, _ in held.sizes()]


def test_the_voice_spoken_longest_ago_goes_first() -> None:
    held = Loaded()
    for name in ("a", "b", "c"):
        held.put(name, voice(linear()))
    held.get("a")
    held.shrink(8192)
    assert held.sizes() == [("c", 4096), ("a", 4096)]


def test_what_voices_share_counts_once_and_what_is_their_own_beside_it() -> None:
    held, base = Loaded(), linear()
    for name in ("a", "b", "c"):
        held.put(name, voice(base, linear()))
    assert held.sizes() == [("a", 8192), ("b", 4096), ("c", 4096)], "together what there is"
    held.shrink(16384)
    assert names(held) == ["a", "b", "c"]
    held.shrink(16383)
    assert held.sizes() == [("b", 8192), ("c", 4096)], "the base stays with whoever has it"


def test_matrices_that_are_packed_or_in_fewer_bits_count_beside_the_plain_ones() -> None:
    held, base = Loaded(), linear()
    for name in ("a", "b"):
        held.put(name, voice(base))
    weight = base.weight.detach()
    projections.pack(projections.packing(base, weight), weight)
    projections.reduced_once(base, weight)
    in_eight_bits = 32 * 32 + 32 * 4 if projections.has_eight_bits(weight.device) else 2 * 32 * 32
    assert held.sizes() == [("a", 8192 + in_eight_bits), ("b", 0)]


def test_the_voice_spoken_last_stays_whatever_it_takes() -> None:
    held = Loaded()
    for name in ("a", "b"):
        held.put(name, voice(linear()))
    held.shrink_to(1)
    assert names(held) == ["b"]
    Loaded().shrink_to(1)


@pytest.fixture
def fish(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with two voices of fish, by adapters on one base, whose budget holds one as fish says that it is big."""
    base = made_once(tmp_path_factory, "fish-base", tiny_base.write)
    monkeypatch.setenv("MYNA_FISH_BASE", str(base))
    engine = create()
    for name in ("anna", "bert"):
        model = engine.load(None, training=True)
        engine.trainable(model, LoraSettings(4, 8))
        folder = tmp_path / "voices" / name / "1"
        folder.mkdir(parents=True)
        engine.save(model, folder)
        (folder / LINEAGE).write_text("{}")
    (tmp_path / "myna.toml").write_text(f"speech_memory = {registry.info('fish').speak_memory}\n")
    yield tmp_path
    speak.settle()  # whoever spoke last is held until then
    speak.unload(0)


def spoken(home: Path, name: str) -> Recorded:
    channel, folder = Recorded(home), str(home / "voices" / name / "1")
    spec = pb.SpeakSpec(voice=name, text="Hello.", language="en", seed=1, options={"retries": 0})
    speak.run(wire.SpeakPlan(spec=spec, engine="fish", version_dir=folder, version_name=f"{name}@1"), channel)
    return channel


@pytest.mark.long
def test_a_second_voice_on_a_base_that_is_loaded_has_no_other_voice_given_up(fish: Path) -> None:
    for name in ("anna", "bert", "anna"):
        channel = spoken(fish, name)
        speak.settle()
    assert not any("Loads" in line for line in channel.lines)
    told = [report.loaded.voices for report in spoken(fish, "bert").reports if report.HasField("loaded")]
    assert not told, "nor is this one loaded again"
    first, second = speak._voices.sizes()
    assert first[1] > 10 * second[1] > 0, "one base, and adapters of each"
