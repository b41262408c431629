"""Passes after speech in a worker, on the tiny bases: as long as without them, in the order asked for, and stopped
where a caller hangs up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from demo_clips import refs
from numpy.typing import NDArray
from recorded import Recorded

from daemon.kinds.speak import worker as speak
from engines.audio import watermark
from engines.errors import BadInput, Cancelled, WeightsMissing
from engines.openvoice import conversion, tiny_base
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from tests.made_once import made_once

pytestmark = pytest.mark.integration

TEXT = "The first sentence. And here comes a second one."
CONVERT = wire.PassPlan(convert=wire.Conversion(engine="openvoice", voice="anna", reference=refs(1, 3)))
ENHANCE = wire.PassPlan(enhance=pb.EnhancePass())


@pytest.fixture(autouse=True)
def converter(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = made_once(tmp_path_factory, "openvoice-base", tiny_base.write)
    monkeypatch.setenv("MYNA_OPENVOICE_BASE", str(folder))
    speak.unload(0)
    yield folder
    speak.unload(0)


def plan(*after: wire.PassPlan, text: str = TEXT, seed: int = 1) -> wire.SpeakPlan:
    spec = pb.SpeakSpec(voice="bob", text=text, language="en", seed=seed)
    return wire.SpeakPlan(spec=spec, engine="glow", version_name="bob@base", after=after)


def spoken(channel: Recorded) -> list[wire.Audio]:
    return [report.audio for report in channel.reports if report.HasField("audio")]


def said(asked: wire.SpeakPlan, home: Path) -> list[wire.Audio]:
    channel = Recorded(home)
    speak.run(asked, channel)
    return spoken(channel)


def sound(chunks: list[wire.Audio]) -> NDArray[np.float32]:
    return np.frombuffer(b"".join(chunk.samples for chunk in chunks), "<f4")


def by_sentence(chunks: list[wire.Audio]) -> dict[int, int]:
    lengths: dict[int, int] = {}
    for chunk in chunks:
        if chunk.samples:
            lengths[chunk.sentence] = lengths.get(chunk.sentence, 0) + len(chunk.samples) // 4
    return lengths


@pytest.mark.parametrize("after", [[ENHANCE], [CONVERT], [CONVERT, ENHANCE]], ids=["enhance", "convert", "both"])
def test_each_sentence_is_as_long_as_without_and_its_words_are_where_they_were(
    after: list[wire.PassPlan], tmp_path: Path
) -> None:
    plain, passed = said(plan(), tmp_path), said(plan(*after), tmp_path)
    assert by_sentence(passed) == by_sentence(plain)
    for these in (plain, passed):
        assert [chunk.text for chunk in these if chunk.text] == ["The first sentence.", "And here comes a second one."]
        assert [chunk.last for chunk in these] == [False] * (len(these) - 1) + [True]
    words = [[list(chunk.words) for chunk in these if chunk.words] for these in (plain, passed)]
    assert len(words[0]) == 2
    assert words[1] == words[0]
    assert {chunk.sample_rate for chunk in passed} == {16_000}
    assert np.isfinite(sound(passed)).all()
    assert np.abs(sound(passed) - sound(plain)).max() > 1e-3


def test_passes_work_in_the_order_asked_for(tmp_path: Path) -> None:
    one, other = (sound(said(plan(*after), tmp_path)) for after in ([CONVERT, ENHANCE], [ENHANCE, CONVERT]))
    assert len(one) == len(other)
    assert np.abs(one - other).max() > 1e-4


def test_the_same_seed_says_the_same_and_the_converter_stays_loaded(tmp_path: Path) -> None:
    channel = Recorded(tmp_path)
    for _ in range(2):
        speak.run(plan(CONVERT), channel)
    chunks = spoken(channel)
    half = len(chunks) // 2
    assert chunks[:half] == chunks[half:]
    assert [line for line in channel.lines if "Loads" in line] == [
        "info: Loads bob@base.",
        "info: Loads openvoice:anna.",
    ]
    held = [report.loaded for report in channel.reports if report.HasField("loaded")]
    assert [voice.name for voice in held[-1].voices] == ["bob@base", "openvoice:anna"]


def test_the_watermark_comes_last(tmp_path: Path) -> None:
    asked = plan(ENHANCE, text="The old ferry lay still at the bank, and nobody wanted to buy it.")
    asked.watermark = "perth"
    soundfile.write(tmp_path / "speech.wav", sound(said(asked, tmp_path)), 16_000)
    assert watermark.look(tmp_path / "speech.wav").confidence > 0.99


def test_a_cancel_is_heard_in_the_middle_of_a_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[int] = []
    vocoded = conversion._vocoded
    monkeypatch.setattr(conversion, "_vocoded", lambda *given: (blocks.append(1), vocoded(*given))[1])
    monkeypatch.setattr(conversion, "VOCODED", 0.5)
    text = " ".join(["A sentence that is followed by another one."] * 6)
    channel = Recorded(tmp_path, lambda channel: "cancel" if blocks else "")
    with pytest.raises(Cancelled):
        speak.run(plan(CONVERT, text=text), channel)
    assert len(blocks) == 1
    assert spoken(channel) == []


def test_memory_running_out_in_a_pass_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        raise MemoryError

    monkeypatch.setattr(conversion, "_latent", full)
    with pytest.raises(Exception, match="Memory ran out while speaking"):
        said(plan(CONVERT), tmp_path)


def test_what_a_pass_lacks_is_told_before_there_is_sound(
    converter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Recorded(tmp_path)
    nobody = wire.PassPlan(convert=wire.Conversion(engine="openvoice", voice="anna"))
    with pytest.raises(BadInput, match="no clip of this voice"):
        speak.run(plan(nobody), channel)
    glow = wire.PassPlan(convert=wire.Conversion(engine="glow", voice="anna", reference=refs(1, 3)))
    with pytest.raises(BadInput, match="it cannot convert a recording"):
        speak.run(plan(glow), channel)
    monkeypatch.setenv("MYNA_OPENVOICE_BASE", str(tmp_path / "nowhere"))
    with pytest.raises(WeightsMissing, match=r"nowhere lacks config\.json"):
        speak.run(plan(CONVERT), channel)
    assert spoken(channel) == []
