"""On a card fish's steps, and what draws the codes of a frame, are recorded: what is said by them is what is said the
plain way. In place of a card's graph torch's operations are recorded, and done again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from fish_voice import LORA, taught
from numpy.typing import NDArray

from engines.autoregressive import graphs
from engines.autoregressive.graphs import Tensors, compare, kind
from engines.autoregressive.sampling import Sampling
from engines.base import Clip, SpeechRequest
from engines.fast_paths import card
from engines.fast_paths.proving import Comparison, Proofs
from engines.fast_paths.record import Card, FastPath, Outcome, Records
from engines.fish import decode
from engines.fish import model as models
from engines.fish.decode import Decoder, Frames
from engines.fish.engine import FishEngine
from engines.fish.sampling import Drawing
from tests.pretend_gpu.recorded import RecordedOperations

CPU = torch.device("cpu")
CARD = Card("Pretended 1", "GPU-1", "600.1", "2.13")
HOW = Drawing.of(Sampling(0.8, 0, 0.8, 1.1))


@pytest.fixture(autouse=True)
def _as_on_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no eight bits, and so no guesses."""
    monkeypatch.setattr(decode, "has_eight_bits", lambda device: False)


class FrozenFrames(RecordedOperations):
    """A graph in which a frame comes out as when it was recorded."""

    def record(self, work: Callable[[], Tensors]) -> Tensors:
        made = super().record(work)
        if len(made) == 1:
            self._calls.clear()
        return made


def compared(fish: models.FishModel, graph: type[RecordedOperations] = RecordedOperations) -> Comparison:
    with torch.inference_mode():
        decoder = Decoder(fish.transformer, fish.prompts)
        frames = Frames(decoder, HOW)
    return compare(decoder, fish.prompts.opening([]), lambda: graph(CPU), frames)


def test_recorded_steps_and_frames_are_the_plain_ones(engine: FishEngine) -> None:
    found = compared(engine.load(None))
    assert found.equal
    assert found.tolerance == graphs.EXACT, "no code may be another in fp32"


@pytest.mark.long
def test_in_the_published_precision_too(engine: FishEngine) -> None:
    fish = engine.load(None)
    fish.transformer.to(torch.bfloat16)
    found = compared(fish)
    assert found.equal
    assert found.tolerance == graphs.REDUCED


@pytest.mark.long
def test_and_with_adapters_which_are_proved_by_themselves(engine: FishEngine, clips: list[Clip]) -> None:
    fish = taught(engine, None, LORA, clips)
    assert compared(fish).equal
    plain = engine.load(None)
    assert kind(Decoder(fish.transformer, fish.prompts)) != kind(Decoder(plain.transformer, plain.prompts))


def test_frames_that_come_out_as_they_were_are_found_out(engine: FishEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "GROWTH", 4)  # few codes tell it
    assert not compared(engine.load(None), FrozenFrames).equal


@pytest.mark.long
def test_a_text_is_the_same_sound_by_recorded_steps(
    engine: FishEngine, talkative: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_FISH_BASE", str(talkative))
    fish = engine.load(None)
    plain = spoken(engine, fish)
    file = tmp_path / "fast_paths.json"
    proofs = Proofs(CARD, file)
    monkeypatch.setattr(card, "proofs", lambda device: proofs)
    monkeypatch.setattr(graphs, "CudaGraph", RecordedOperations)
    assert np.array_equal(plain, spoken(engine, fish)), "in the request that proves them"
    [known] = Records(file).all()
    assert (known.path, known.outcome) == (FastPath.GRAPHS, Outcome.EQUAL)
    monkeypatch.setattr(graphs, "compare", None)  # is not asked again
    replayed: list[RecordedOperations] = []
    replay = RecordedOperations.replay

    def counted(graph: RecordedOperations) -> None:
        replayed.append(graph)
        replay(graph)

    monkeypatch.setattr(RecordedOperations, "replay", counted)
    assert np.array_equal(plain, spoken(engine, fish))
    assert len(set(replayed)) >= 4, "steps and frames, of one row and of two"


def spoken(engine: FishEngine, fish: models.FishModel) -> NDArray[np.float32]:
    """Two sentences, the second of which joins the first when that is heard, and goes on when it has ended."""
    text = "A boat came in. Nobody knew who had the old key to the house by the harbour."
    request = SpeechRequest(text, seed=4, options={"retries": 0, "batch": 2})
    return np.concatenate([one.samples for one in engine.speak(fish, request)])
