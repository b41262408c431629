"""Passes after speech the whole way, through a real mynad and its speech worker: glow's base, RNNoise, and a converter
with a tiny base."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from engines.openvoice import tiny_base
from proto import myna_pb2 as pb
from proto import passes
from proto.client import Client, ClientError
from tests.e2e.workshop import ANNA, ROOT, Workshop, ended

TEXT = "The river is wide. It is deep, too."
BOB = "bob"


def said(client: Client, *after: str) -> tuple[NDArray[np.float32], list[pb.AudioChunk]]:
    spec = pb.SpeakSpec(voice=BOB, version=-1, text=TEXT, seed=3, after=passes.read(after))
    chunks = list(client.synthesize(spec))
    return np.frombuffer(b"".join(chunk.samples for chunk in chunks), "<f4"), chunks


def times(chunks: list[pb.AudioChunk]) -> dict[tuple[int, str], float]:
    """Where in the whole each word of each sentence begins, seconds."""
    found, before = {}, 0
    for chunk in chunks:
        found |= {(chunk.sentence, word.text): before / chunk.sample_rate + word.start for word in chunk.words}
        before += len(chunk.samples) // 4
    return found


@pytest.fixture
def converter(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    return once("openvoice", lambda out: tiny_base.write(out / "base")) / "base"


@pytest.mark.long
def test_speech_is_enhanced_and_converted_and_every_word_stays_where_it_was(
    with_dataset: Workshop, converter: Path
) -> None:
    client = with_dataset.up()
    client.create_voice(BOB, "en")
    plain, chunks = said(client)
    quiet, enhanced = said(client, "enhance")
    assert len(quiet) == len(plain)
    assert times(enhanced) == pytest.approx(times(chunks))
    assert len(times(chunks)) == 8
    assert np.abs(quiet - plain).max() > 1e-4

    # without its base nothing is converted, and it comes from a folder as others do
    with pytest.raises(ClientError, match="`myna engines fetch openvoice` gets it"):
        said(client, "convert:anna")
    ended(client, client.fetch("openvoice", str(converter)).id)
    assert "converts" in next(engine for engine in client.info().engines if engine.name == "openvoice").capabilities
    like_anna, converted = said(client, "convert:anna", "enhance")
    assert len(like_anna) == len(plain)
    assert times(converted) == pytest.approx(times(chunks))
    assert np.array_equal(said(client, "convert:anna", "enhance")[0], like_anna)
    titles = {job.title for job in client.jobs(kinds=[pb.SPEAK])}
    assert f"say “{TEXT}” as bob@base, converted to anna, enhanced" in titles
    with pytest.raises(ClientError, match="bob has no clips that speech could sound like"):
        said(client, "convert:bob")

    # as a person writes it
    out = with_dataset.home / "out.wav"
    asked = ["--voice", f"{BOB}@base", "--seed", "3", "--after", f"convert:{ANNA},enhance", "-o", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", "say", TEXT, *asked], cwd=ROOT, env=with_dataset.env, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    samples, _ = soundfile.read(out, dtype="float32")
    assert np.abs(samples - like_anna).max() < 1e-3
    assert b"the voice bob@base as anna" in out.read_bytes()
