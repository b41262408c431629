"""Versions of an XTTS voice: slim, apart from the base, and loadable by stock coqui-tts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engines import foreign, version_files
from engines.base import Clip, Features, LoraSettings, Model
from engines.device import memory_of
from engines.errors import BadInput
from engines.training.held_out import held_out_losses
from engines.training.settings import TrainSettings
from engines.xtts import decode, weights
from engines.xtts import model as voices
from engines.xtts.engine import XttsEngine

LORA = LoraSettings(rank=4, alpha=8)
SETTINGS = TrainSettings(steps=1, learning_rate=1e-3)


def taught(
    engine: XttsEngine, parent: Path | None, lora: LoraSettings | None, clips: list[Clip], seed: int = 1
) -> voices.XttsModel:
    """A voice whose trained parameters have moved."""
    voice = engine.load(parent, training=True, reference=clips[:2])
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in engine.trainable(voice, lora):
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    voice.module.eval()
    assert isinstance(voice, voices.XttsModel)
    return voice


def saved(engine: XttsEngine, voice: Model, folder: Path) -> Path:
    folder.mkdir(parents=True)
    engine.save(voice, folder)
    return folder


def losses(engine: XttsEngine, voice: Model, features: list[Features]) -> dict[str, float]:
    return held_out_losses(engine, voice, features, SETTINGS)


@pytest.mark.parametrize("lora", [None, LORA], ids=["full", "lora"])
def test_a_saved_version_sounds_as_it_did_when_it_was_trained(
    lora: LoraSettings | None, engine: XttsEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    voice = taught(engine, None, lora, clips)
    version = saved(engine, voice, tmp_path / "1")
    loaded = engine.load(version)
    assert loaded.kind == ("lora" if lora else "full")
    assert losses(engine, loaded, features)["loss"] == pytest.approx(losses(engine, voice, features)["loss"], rel=1e-3)
    assert isinstance(loaded, voices.XttsModel)
    assert loaded.latents is not None
    assert loaded.latents.gpt.shape == (1, 32, 128)
    assert loaded.latents.speaker.shape == (1, 512, 1)


@pytest.mark.long
def test_a_version_holds_only_what_is_its_own(engine: XttsEngine, clips: list[Clip], tmp_path: Path) -> None:
    full = saved(engine, taught(engine, None, None, clips), tmp_path / "1")
    lora = saved(engine, taught(engine, None, LORA, clips), tmp_path / "2")
    assert sorted(path.name for path in full.iterdir()) == ["gpt.safetensors", "settings.json", "voice.safetensors"]
    assert sorted(path.name for path in lora.iterdir()) == [
        "adapters.safetensors",
        "settings.json",
        "voice.safetensors",
    ]
    assert all(name.split(".")[-1] in "ab" for name in load_file(lora / "adapters.safetensors"))


def test_adapters_of_full_size_are_a_hundredth_of_the_base_at_most() -> None:
    """By arithmetic: the real base cannot be fetched for a test."""
    layers, channels, rank = 30, 1_024, LoraSettings().rank
    per_layer = rank * (
        (channels + 3 * channels) + (channels + channels) + (channels + 4 * channels) + (4 * channels + channels)
    )
    latents = 4 * (32 * channels + 512)
    assert 2 * layers * per_layer + latents <= 0.01 * 1_867_929_118


@pytest.mark.long
def test_an_increment_goes_on_with_the_same_adapters(engine: XttsEngine, clips: list[Clip], tmp_path: Path) -> None:
    first = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    voice = engine.load(first, training=True, reference=clips[:2])
    engine.trainable(voice, LORA)
    second = saved(engine, voice, tmp_path / "2")
    before, after = load_file(first / "adapters.safetensors"), load_file(second / "adapters.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert version_files.about(second / voices.SETTINGS, voices.FORMAT)["on"] == []


@pytest.mark.long
def test_adapters_of_another_rank_go_on_top_of_the_parents(
    engine: XttsEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    first = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    voice = taught(engine, first, LoraSettings(rank=2, alpha=4), clips, seed=2)
    second = saved(engine, voice, tmp_path / "2")
    assert version_files.about(second / voices.SETTINGS, voices.FORMAT)["on"] == ["../1"]
    assert losses(engine, engine.load(second), features)["loss"] == pytest.approx(
        losses(engine, voice, features)["loss"], rel=1e-3
    )


@pytest.mark.long
def test_adapters_on_a_full_version(
    engine: XttsEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    first = saved(engine, taught(engine, None, None, clips), tmp_path / "1")
    voice = taught(engine, first, LORA, clips, seed=2)
    second = saved(engine, voice, tmp_path / "2")
    assert losses(engine, engine.load(second), features)["loss"] == pytest.approx(
        losses(engine, voice, features)["loss"], rel=1e-3
    )


@pytest.mark.long
def test_a_version_that_is_loaded_onto_another_is_written_alone(
    engine: XttsEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    first = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    second = saved(engine, taught(engine, first, LoraSettings(rank=2, alpha=4), clips, seed=2), tmp_path / "2")
    assert (foreign.loaded_onto(first), foreign.loaded_onto(second)) == ((), ("../1",))
    with pytest.raises(BadInput, match="loaded onto other versions"):
        foreign.check(second)
    alone = tmp_path / "elsewhere" / "9"
    alone.mkdir(parents=True)
    assert foreign.write_alone(engine, second, alone) == "merged"
    foreign.check(alone)
    assert foreign.base_weights(alone) == foreign.base_weights(first) == weights.fingerprint(engine.base_dir())
    assert losses(engine, engine.load(alone), features)["loss"] == pytest.approx(
        losses(engine, engine.load(second), features)["loss"], rel=1e-3
    )


@pytest.mark.long
def test_merging_keeps_what_is_heard_and_coquis_own_names(
    engine: XttsEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    version = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    before = losses(engine, engine.load(version), features)["loss"]
    merged = engine.merge(engine.load(version))
    assert merged.kind == "merged"
    assert losses(engine, merged, features)["loss"] == pytest.approx(before, rel=1e-4)
    assert set(merged.module.state_dict()) == set(engine.load(None).module.state_dict())
    again = saved(engine, merged, tmp_path / "2")
    assert losses(engine, engine.load(again), features)["loss"] == pytest.approx(before, rel=1e-4)


@pytest.mark.long
def test_two_voices_take_turns_on_one_base(
    engine: XttsEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    one = saved(engine, taught(engine, None, LORA, clips, seed=1), tmp_path / "1")
    other = saved(engine, taught(engine, None, LORA, clips, seed=2), tmp_path / "2")
    alone = [losses(engine, engine.load(version), features)["loss"] for version in (one, other)]
    first, second = engine.load(one), engine.load(other)
    assert first.module is second.module
    for _ in range(2):
        together = [losses(engine, voice, features)["loss"] for voice in (first, second)]
        assert together == alone
    assert alone[0] != alone[1]


@pytest.mark.long
def test_what_voices_share_takes_memory_once_and_packed_matrices_are_part_of_it(
    engine: XttsEngine, clips: list[Clip], tmp_path: Path
) -> None:
    folders = [saved(engine, taught(engine, None, LORA, clips, seed=n), tmp_path / str(n)) for n in (1, 2)]
    first = engine.load(folders[0])
    assert engine.shares(folders[1], device="cpu") is first.shared
    assert engine.shares(None, device="cpu") is None
    second, alone = engine.load(folders[1]), memory_of(first)
    adapters = sum(tensor.nbytes for tensor in second.adapters.values())
    assert memory_of(first, second) == alone + adapters
    decode.pack(first.module)
    matrices = [layer.get_base_layer().weight for layer in decode._matrices(first.module)]
    packed = sum(weight.nbytes for weight in matrices) if torch.backends.mkldnn.is_available() else 0  # type: ignore[no-untyped-call]
    assert memory_of(first) == alone + packed
    assert memory_of(first, second) == memory_of(first) + adapters


@pytest.mark.long
def test_merging_one_voice_leaves_the_base_of_the_others(
    engine: XttsEngine, clips: list[Clip], features: list[Features], tmp_path: Path
) -> None:
    one = saved(engine, taught(engine, None, LORA, clips, seed=1), tmp_path / "1")
    other = saved(engine, taught(engine, None, LORA, clips, seed=2), tmp_path / "2")
    second = engine.load(other)
    before = losses(engine, second, features)["loss"]
    engine.merge(engine.load(one))
    assert losses(engine, second, features)["loss"] == before


@pytest.mark.long
@pytest.mark.parametrize("format", ["coqui", pytest.param("coqui-fp16", marks=pytest.mark.long)])
def test_stock_coqui_tts_loads_an_export_and_speaks(
    format: str, engine: XttsEngine, clips: list[Clip], tmp_path: Path
) -> None:
    version = saved(engine, taught(engine, None, LORA, clips), tmp_path / "1")
    folder = tmp_path / "export"
    folder.mkdir()
    engine.export(version, folder, format)
    assert {"model.pth", "config.json", "vocab.json", "speakers_xtts.pth"} == {path.name for path in folder.iterdir()}
    program = (
        "from engines import coqui\n"
        "with coqui.imports():\n"  # only what makes its import work beside a torch without CUDA
        "    from TTS.api import TTS\n"
        "import sys\n"
        "folder, out = sys.argv[1:]\n"
        "tts = TTS(model_path=folder, config_path=folder + '/config.json', progress_bar=False)\n"
        "tts.tts_to_file('Hello there.', speaker='voice', language='en', file_path=out)\n"
    )
    spoken = tmp_path / "spoken.wav"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder), str(spoken)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == 0, done.stderr
    assert spoken.stat().st_size > 5_000
