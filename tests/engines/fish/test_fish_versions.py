"""Versions of a fish voice: slim, apart from the base, and loadable by stock fish-speech."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
import stock
import torch
from fish_voice import LORA, loss, saved, taught
from safetensors.torch import load_file

from engines import foreign
from engines.autoregressive import projections
from engines.base import Clip, Features, LoraSettings
from engines.device import memory_of
from engines.errors import BadInput, EngineError, WeightsMissing
from engines.fish import lora, weights
from engines.fish import model as models
from engines.fish.decode import Decoder
from engines.fish.engine import FishEngine


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_a_saved_version_sounds_as_it_did_when_it_was_trained(
    lora: LoraSettings | None, engine: FishEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    voice = taught(engine, None, lora, clips)
    version = saved(engine, voice, tmp_path / "1")
    loaded = engine.load(version)
    assert loaded.kind == ("lora" if lora else "full")
    assert loss(engine, loaded, features) == pytest.approx(loss(engine, voice, features), rel=1e-3)
    assert loss(engine, loaded, features) != pytest.approx(loss(engine, engine.load(None), features), rel=1e-4)
    own = "adapters.safetensors" if lora else "transformer.safetensors"
    assert {path.name for path in version.iterdir()} == {own, "settings.json", "voice.safetensors"}
    [heard, *_] = loaded.references()
    assert heard.codes.shape[0] == 10
    assert bytes(heard.text).decode() in {clip.text for clip in clips}, "tokens of the tiny base are bytes"


@pytest.mark.long
def test_increments_go_on_with_adapters_or_on_top_of_them(
    engine: FishEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    first = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    voice = engine.load(first, training=True, reference=clips[:2])
    engine.trainable(voice, LORA)
    second = saved(engine, voice, tmp_path / "2")
    before, after = load_file(first / "adapters.safetensors"), load_file(second / "adapters.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert foreign.loaded_onto(second) == ()
    other = taught(engine, first, LoraSettings(rank=2, alpha=4), clips, seed=2)
    third = saved(engine, other, tmp_path / "3")
    assert foreign.loaded_onto(third) == ("../1",)
    assert loss(engine, engine.load(third), features) == pytest.approx(loss(engine, other, features), rel=1e-3)
    with pytest.raises(BadInput, match="cannot go to c_attn"):
        engine.trainable(engine.load(None, training=True), LoraSettings(targets=("c_attn",)))

    alone = tmp_path / "elsewhere" / "9"
    alone.mkdir(parents=True)
    assert foreign.write_alone(engine, third, alone) == "merged"
    foreign.check(alone)
    assert loss(engine, engine.load(alone), features) == pytest.approx(loss(engine, other, features), rel=1e-3)
    assert set(engine.load(alone).module.state_dict()) == set(engine.load(None).module.state_dict())


def test_an_increment_is_heard_from_its_own_references(engine: FishEngine, clips: list[Clip], tmp_path: Path) -> None:
    first = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    voice = engine.load(first, training=True, reference=clips[3:4])
    engine.trainable(voice, LORA)
    second = engine.load(saved(engine, voice, tmp_path / "2"))
    assert [bytes(one.text).decode() for one in second.references()] == [clips[3].text]
    assert clips[3].text not in {bytes(one.text).decode() for one in engine.load(first).references()}


@pytest.mark.long
def test_stock_loads_an_export_and_speaks_as_the_version_does(
    engine: FishEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    version = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    folder = tmp_path / "export"
    folder.mkdir()
    engine.export(version, folder, "fish-speech")
    weights.check(folder)
    theirs = stock.model(folder)
    state, own = theirs.state_dict(), engine.merge(engine.load(version)).module.state_dict()
    assert set(own) <= set(state)
    assert all(torch.equal(state[name], own[name]) for name in own)
    assert load_file(folder / "model.safetensors").keys() == own.keys()
    text = (folder / "reference_0.txt").read_text().strip()
    codes = np.load(folder / "reference_0.npy").astype(np.int16)
    assert text in {clip.text for clip in clips}
    heard = [stock.generated(theirs, "Hello there.", [(text, codes)], seed, 30) for seed in range(4)]
    said = next(one for one in heard if one.dim() == 2 and one.shape[1])
    assert len(stock.decoded(folder, said)) == 2_048 * said.shape[1]


def test_what_is_no_version_of_this_base_is_a_sentence(engine: FishEngine, clips: list[Clip], tmp_path: Path) -> None:
    version = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    settings = version / models.SETTINGS
    whole = settings.read_text()
    settings.write_text(whole.replace(weights.fingerprint(engine.base_dir()), "0" * 16))
    with pytest.raises(WeightsMissing, match="was trained on another base of fish"):
        engine.load(version)
    settings.write_text("{")
    with pytest.raises(EngineError, match="cannot be read"):
        engine.load(version)
    settings.write_text(whole)
    (version / models.ADAPTERS).write_bytes(b"no")
    with pytest.raises(EngineError, match="cannot be read"):
        engine.load(version)


@pytest.mark.long
def test_voices_with_adapters_share_one_base_and_stay_themselves(
    engine: FishEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    folders = [saved(engine, taught(engine, None, LORA, clips, seed=n), tmp_path / str(n)) for n in (1, 2)]
    alone = [loss(engine, engine.load(one, training=True), features) for one in folders]
    one, other = (engine.load(folder) for folder in folders)
    layers = [voice.transformer.layers[0].feed_forward.w1 for voice in (one, other)]
    assert layers[0].base is layers[1].base
    assert one.transformer.embeddings is other.transformer.embeddings
    assert [loss(engine, voice, features) for voice in (one, other)] == pytest.approx(alone, rel=1e-4)
    assert alone[0] != pytest.approx(alone[1], rel=4e-4)
    engine.merge(one)
    assert loss(engine, one, features) == pytest.approx(alone[0], rel=1e-4)
    assert loss(engine, other, features) == pytest.approx(alone[1], rel=1e-4), "what others speak with was left alone"
    third = engine.load(folders[0])
    assert third.transformer.layers[0].feed_forward.w1.base is layers[1].base


@pytest.mark.long
def test_what_voices_share_takes_memory_once_and_packed_matrices_are_part_of_it(
    engine: FishEngine, clips: list[Clip], tmp_path: Path
) -> None:
    folders = [saved(engine, taught(engine, None, LORA, clips, seed=n), tmp_path / str(n)) for n in (1, 2)]
    one = engine.load(folders[0])
    assert engine.shares(folders[1], device="cpu") is one.shared
    assert engine.shares(None, device="cpu") is None
    other = engine.load(folders[1])
    adapters = sum(tensor.nbytes for tensor in lora.state(other.transformer).values())
    alone = memory_of(one)
    assert alone > sum(each.nbytes for each in one.module.parameters()), "the codec, too"
    assert memory_of(one, other) == alone + adapters
    Decoder(one.transformer, one.prompts, fast=True)
    if projections.has_eight_bits(torch.device("cpu")):
        assert memory_of(one) > alone
    assert memory_of(one, other) == memory_of(one) + adapters
    del one, other
    gc.collect()
    assert engine.shares(folders[1], device="cpu") is None, "nobody holds it any more"
