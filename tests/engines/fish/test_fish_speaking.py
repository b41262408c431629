"""What fish says is what stock fish-speech says at the same draws, and its sound comes in pieces that are the whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import stock
import torch
from fish_voice import LORA, taught
from numpy.typing import NDArray

from engines.autoregressive import likeness, projections, takes
from engines.autoregressive.decode import Batch, Frame
from engines.autoregressive.sampling import Sampling
from engines.base import Clip, LoraSettings, Settles, SpeechRequest
from engines.errors import BadInput
from engines.fish import decode, matrices, training
from engines.fish import model as models
from engines.fish.codec_stream import Stream
from engines.fish.decode import Decoder, Frames, Small
from engines.fish.engine import FishEngine
from engines.fish.prompts import Reference
from engines.fish.sampling import Drawing

TEXT = "Nobody knew who had the old key."
SAID = "A boat came in."


def voiced(fish: models.FishModel) -> Reference:
    codes = np.random.default_rng(3).integers(0, 128, (10, 30)).astype(np.int16)
    return Reference(tuple(fish.prompts.tokens(SAID)), codes)


@torch.inference_mode()
def said(fish: models.FishModel, how: Sampling, seed: int, most: int, *, fast: bool = False) -> torch.Tensor:
    """Codes (10, frames) that our decoder says of TEXT."""
    decoder = Decoder(fish.transformer, fish.prompts, fast=fast)
    frames, luck = Frames(decoder, Drawing.of(how), fast=fast), torch.Generator().manual_seed(seed)
    heard, codes = list[Frame](), list[torch.Tensor]()
    batch = Batch(decoder, fish.prompts.opening([voiced(fish)]))
    following = batch.join([decoder.prompt(fish.prompts.tokens(TEXT))])
    while True:
        [made] = frames.made(frames.draw(*frames.ask(following, [heard], [luck])))
        if made.code == decoder.stop:
            break
        heard.append(made.frame)
        codes.append(made.latent)
        if len(heard) == most:
            break
        following = batch.step([made.frame], [len(heard)])
    return torch.stack(codes).t() if codes else torch.zeros(10, 0, dtype=torch.int64)


@pytest.mark.long
@pytest.mark.parametrize(
    "how",
    [
        Sampling(0.8, 0, 0.8, 1.1),
        Sampling(0.3, 0, 0.5, 1.9),
        Sampling(1.3, 0, 0.95, 1.0),  # at 1.0 stock cuts by the rounding of a sum
    ],
    ids=["defaults", "narrow", "open"],
)
def test_the_same_draws_say_the_same_codes_as_stock(
    how: Sampling, talkative: Path, engine: FishEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_FISH_BASE", str(talkative))
    check_the_same(engine, talkative, how, (1, 2), 42)


def check_the_same(engine: FishEngine, base: Path, how: Sampling, seeds: Sequence[int], most: int) -> None:
    """Beyond the window of the penalty, where `most` is longer than that."""
    fish, theirs = engine.load(None), stock.model(base)
    settings = {"temperature": how.temperature, "top_p": how.top_p, "repetition_penalty": how.repetition_penalty}
    for seed in seeds:
        wanted = stock.generated(theirs, TEXT, [(SAID, voiced(fish).codes)], seed, most, **settings)
        wanted = wanted if wanted.dim() == 2 else torch.zeros(10, 0)  # what stock makes of nothing
        ours = said(fish, how, seed, most)
        ours = ours[:, :-1] if ours.shape[1] == most else ours  # stock drops the last, as if it were the end
        assert torch.equal(ours, wanted.long())


@pytest.mark.long
def test_it_ends_where_stock_does(tiny: Path, engine: FishEngine) -> None:
    check_the_same(engine, tiny, Sampling(0.8, 0, 0.8, 1.1), range(4), 60)


def test_sound_in_pieces_is_stocks_whole(tiny: Path, engine: FishEngine) -> None:
    codes = torch.randint(0, 128, (140, 10), generator=torch.Generator().manual_seed(1))  # beyond the window
    whole = stock.decoded(tiny, codes.t())
    with torch.inference_mode():
        stream = Stream(engine.load(None).codec)
        pieces = [stream(piece, last=False) for piece in codes.split([6, 9, 1, 100, 24])]
    assert torch.allclose(torch.cat(pieces), whole, atol=1e-5)
    assert float(whole.abs().mean()) > 1e-3


def test_a_speed_makes_speech_so_much_shorter_however_it_comes(engine: FishEngine) -> None:
    codec, codes = engine.load(None).codec, torch.randint(0, 128, (40, 10))
    with torch.inference_mode():
        plain = Stream(codec)(codes, last=True)
        quick = Stream(codec, speed=1.6)(codes, last=True)
        stream = Stream(codec, speed=1.6)
        pieces = torch.cat([stream(piece, last=False) for piece in codes.split([7, 13, 20])])
    assert len(quick) == pytest.approx(len(plain) / 1.6, rel=0.02)
    assert torch.allclose(pieces, quick, atol=1e-4)


def test_sentences_said_side_by_side_are_those_said_one_by_one(engine: FishEngine) -> None:
    fish = engine.load(None)
    text = "A boat came in. Nobody knew who had the old key to it. Well, it was number forty two, or so they said."
    sound = [
        np.concatenate(
            [
                one.samples
                for one in engine.speak(fish, SpeechRequest(text, seed=5, options={"batch": batch, "retries": 0}))
            ]
        )
        for batch in (1, 4)
    ]
    assert len(sound[0]) == len(sound[1]) > 4_410
    assert np.allclose(*sound, atol=1e-4)


def test_it_streams_and_the_same_seed_says_the_same(engine: FishEngine, clips: list[Clip]) -> None:
    fish = engine.load(None, reference=clips)
    request = SpeechRequest("The river is wide, and nobody has seen the other side of it.", seed=9)
    first, again = (list(engine.speak(fish, request)) for _ in range(2))
    assert first[0].sample_rate == 44_100
    assert np.array_equal(*(np.concatenate([one.samples for one in chunks]) for chunks in (first, again)))
    like = list(engine.speak(fish, SpeechRequest(request.text, seed=9, references=tuple(clips[2:3]))))
    assert not np.array_equal(*(np.concatenate([one.samples for one in chunks]) for chunks in (first, like)))
    with pytest.raises(BadInput, match="no stock speaker 'Anna'"):
        list(engine.speak(fish, SpeechRequest("Hello.", speaker="Anna")))


@pytest.mark.long
def test_eight_bits_say_nearly_the_same(talkative: Path, engine: FishEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_FISH_BASE", str(talkative))
    fish = engine.load(None)
    how = Sampling(0.0, 0, 0.8, 1.0)
    full, reduced = (said(fish, how, 1, 6, fast=fast) for fast in (False, True))
    assert (full[:, :1] == reduced[:, :1]).float().mean() > 0.5
    chunks = list(engine.speak(fish, SpeechRequest("Hello there.", seed=2, options={"fast": 1})))
    assert sum(len(one.samples) for one in chunks) > 2_000


def test_without_eight_bits_the_fast_setting_says_with_adapters_what_the_plain_one_does(
    engine: FishEngine, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    fish = taught(engine, None, LORA, clips)
    fish.transformer.to(torch.bfloat16)  # as the published base is
    for module in (projections, matrices, decode):
        monkeypatch.setattr(module, "has_eight_bits", lambda device: False)
    how = Sampling(0.8, 0, 0.8, 1.1)
    plain, fast = (said(fish, how, 1, 6, fast=fast) for fast in (False, True))
    assert torch.equal(plain, fast)


@torch.inference_mode()
def test_adapters_on_the_heads_are_heard(engine: FishEngine, clips: list[Clip]) -> None:
    settings = LoraSettings(rank=4, alpha=8, targets=("output", "fast_output"))
    fish, base = taught(engine, None, settings, clips), engine.load(None)
    decoder = Decoder(fish.transformer, fish.prompts)
    hidden = torch.randn(3, decoder.channels, generator=torch.Generator().manual_seed(1)).to(decoder.dtype)
    logits = training.head(fish.transformer, hidden).float()
    start = fish.prompts.semantic
    wanted = torch.cat([logits[:, start : start + decoder.stop], logits[:, [fish.prompts.end]]], dim=1)
    found, without = (Decoder(one.transformer, one.prompts).out(hidden).logits for one in (fish, base))
    assert (found - wanted).abs().mean() < 0.2 * (without - wanted).abs().mean()

    small, plain = (Small.of(one.transformer, 64, fast=False).head.float() for one in (fish, base))
    engine.merge(fish)
    assert torch.equal(small, Small.of(fish.transformer, 64, fast=False).head.float())
    assert not torch.equal(small, plain)


def test_packed_matrices_say_the_same_codes_and_first_words_do_not_wait_for_them(engine: FishEngine) -> None:
    fish = engine.load(None)
    fish.transformer.to(torch.bfloat16)  # as the published base is
    assert isinstance(engine, Settles)
    engine.settle(fish)
    assert not packed(fish), "nobody has heard it yet"
    request = SpeechRequest(TEXT, seed=4, options={"retries": 0})
    first = np.concatenate([one.samples for one in engine.speak(fish, request)])
    assert not packed(fish)
    engine.settle(fish)
    if not projections.packs_to_the_same_bits(64, 128, torch.bfloat16):
        pytest.skip("this processor has no packed products of bfloat16 that come to the same bits")
    assert packed(fish)
    assert np.array_equal(first, np.concatenate([one.samples for one in engine.speak(fish, request)]))


def packed(fish: models.FishModel) -> bool:
    """Whether all of both transformers' matrices are packed; none is, if not all are."""
    blocks = (*fish.transformer.layers, *fish.transformer.fast_layers)
    layers = [each for one in blocks for each in (one.attention.wqkv, one.attention.wo, one.feed_forward.w2)]
    found = {matrices.matrix(layer, fast=False).packing.packed is not None for layer in layers}
    assert len(found) == 1
    return found.pop()


def test_the_small_transformer_is_asked_for_no_guess_that_nothing_follows(
    engine: FishEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fish = engine.load(None)
    asked: list[tuple[bool, int]] = []
    logits = Frames._logits

    def counted(frames: Frames, by: Small, x: torch.Tensor, block: torch.Tensor, end: int) -> torch.Tensor:
        asked.append((by is frames._draft, end))
        return logits(frames, by, x, block, end)

    monkeypatch.setattr(Frames, "_logits", counted)
    said(fish, Sampling(0.8, 0, 0.8, 1.1), 1, 3)
    assert max(end for draft, end in asked if draft) == 9
    assert {end for draft, end in asked if not draft} == {10}


@pytest.mark.long
def test_of_several_takes_the_one_most_like_the_references_is_kept(
    engine: FishEngine, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise is nobody's voice: the listener is one that knows sounds by their lengths."""
    fish = engine.load(None, reference=clips)
    takes_of: list[int] = []
    like = [0.2, 0.9, 0.4]

    def listen(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        assert rate == 44_100
        if len(samples) == sum(one.codes.shape[1] for one in fish.references()) * fish.codec.frame_length:
            return np.array([1, 0], np.float32)
        takes_of.append(len(samples))
        share = like[len(takes_of) - 1]
        return np.array([share, np.sqrt(1 - share**2)], np.float32)

    monkeypatch.setattr(likeness, "of", listen)
    monkeypatch.setattr(takes, "hear", lambda *_: takes.Recognition(None))
    monkeypatch.setattr(takes, "fault_of_length", lambda *_: "")
    monkeypatch.setattr(takes, "fault_of_sound", lambda *_: "")
    request = SpeechRequest(TEXT, seed=5, options={"best_of": 3, "retries": 0})
    chunks = list(engine.speak(fish, request))
    assert len(set(takes_of)) == 3, "takes of different lengths"
    assert sum(len(one.samples) for one in chunks) == takes_of[1]
