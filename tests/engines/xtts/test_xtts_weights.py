"""Whether a folder has the base: every wrong, partial or foreign file is a sentence, told without running anything that
is in it."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engines.base import Clip
from engines.errors import WeightsMissing
from engines.xtts import network, weights
from engines.xtts.engine import create
from engines.xtts.info import INFO

NAMES = [file.name for file in INFO.weights]


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base whose files a test may replace."""
    return Path(shutil.copytree(tiny, tmp_path / "base"))


def refused(folder: Path) -> str:
    with pytest.raises(WeightsMissing) as caught:
        weights.check(folder)
    assert caught.value.hint
    return str(caught.value)


def change(path: Path, mend: Callable[[dict], None]) -> None:  # type: ignore[type-arg]
    values = json.loads(path.read_text())
    mend(values)
    path.write_text(json.dumps(values))


def test_a_whole_base_is_accepted(folder: Path) -> None:
    weights.check(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refused(folder) == f"{folder} lacks {name}."


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".pth")])
def test_a_file_that_is_cut_off_says_how_long_it_is(folder: Path, name: str) -> None:
    size = (folder / name).stat().st_size // 2
    os.truncate(folder / name, size)
    assert refused(folder) == f"{name} is cut off: it ends after {size:,} bytes."


@pytest.mark.parametrize("name", NAMES)
def test_what_a_failed_download_leaves_is_recognised(folder: Path, name: str) -> None:
    (folder / name).write_text("<!DOCTYPE html><title>Log in</title>")
    assert refused(folder).startswith(f"{name} is ")


def test_a_git_lfs_pointer_is_recognised(folder: Path) -> None:
    (folder / "model.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:c7ea\nsize 1867929118\n")
    assert refused(folder) == "model.pth is a Git LFS pointer, not the file itself."


def test_the_model_named_dvae_does_not_pass_silently(folder: Path) -> None:
    shutil.copy(folder / "model.pth", folder / "dvae.pth")
    assert refused(folder) == "dvae.pth is not XTTS's DVAE: it is the model itself."


def test_a_dvae_of_another_codebook_is_told_from_the_models_own(folder: Path) -> None:
    state = torch.load(folder / "dvae.pth", weights_only=True)
    torch.save(state | {"codebook.embed": torch.zeros(512, 100)}, folder / "dvae.pth")
    assert refused(folder) == "dvae.pth is not this model's DVAE: codebook.embed is 512×100 and should be 512×256."


def test_a_dvae_without_its_encoder_is_no_dvae(folder: Path) -> None:
    """Loaded with strict=False, its encoder would be noise and every code wrong."""
    state = torch.load(folder / "dvae.pth", weights_only=True)
    torch.save({name: value for name, value in state.items() if not name.startswith("encoder.3.")}, folder / "dvae.pth")
    assert (
        refused(folder)
        == "dvae.pth is not this model's DVAE: encoder.3.net.0.weight is not there and should be 1024×1024×3."
    )


def test_a_dvae_named_model_is_recognised(folder: Path) -> None:
    shutil.copy(folder / "dvae.pth", folder / "model.pth")
    assert refused(folder) == "model.pth is not XTTS's weights: it is a DVAE."


def test_weights_of_another_size_than_the_configuration_says(folder: Path) -> None:
    change(folder / "config.json", lambda config: config["model_args"].update(gpt_layers=30))
    assert refused(folder) == (
        "model.pth does not belong to config.json: gpt.gpt.h.29.attn.c_attn.weight is not there and should be 128×384."
    )


def test_a_configuration_of_another_model(folder: Path) -> None:
    change(folder / "config.json", lambda config: config.update(model="vits"))
    assert refused(folder) == "config.json is for the model 'vits', not XTTS's."


def test_a_tokenizer_of_another_model(folder: Path) -> None:
    (folder / "vocab.json").write_text(json.dumps({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}))
    assert refused(folder) == "vocab.json is the tokenizer of another model: it lacks [STOP]."


def test_a_list_of_words_is_no_tokenizer(folder: Path) -> None:
    (folder / "vocab.json").write_text(json.dumps({"hello": 0, "world": 1}))
    assert refused(folder) == "vocab.json is no BPE tokenizer."


def test_a_tokenizer_with_more_tokens_than_the_model(folder: Path) -> None:
    change(folder / "vocab.json", lambda vocabulary: vocabulary["model"]["vocab"].update(surplus=9999))
    assert re.fullmatch(
        r"model\.pth does not belong to vocab\.json: it was made for \d+ tokens, and there are 10,000\.",
        refused(folder),
    )


def test_special_tokens_may_stand_beside_the_vocabulary(folder: Path) -> None:
    def move(tokenizer: dict) -> None:  # type: ignore[type-arg]
        words = tokenizer["model"]["vocab"]
        tokenizer["added_tokens"] = [{"id": words.pop(word), "content": word} for word in ("[START]", "[en]")]

    change(folder / "vocab.json", move)
    weights.check(folder)


def test_mel_statistics_and_speakers_are_what_they_are_named(folder: Path) -> None:
    torch.save(torch.zeros(64), folder / "mel_stats.pth")
    assert refused(folder) == "mel_stats.pth is not the 80 numbers that mel bands are divided by."
    torch.save(torch.zeros(80), folder / "mel_stats.pth")
    torch.save({"Anna": torch.zeros(3)}, folder / "speakers_xtts.pth")
    assert refused(folder) == "speakers_xtts.pth has no stock speakers."


def test_a_pickle_that_would_run_something_runs_nothing(folder: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {folder}/sprung",)

    with zipfile.ZipFile(folder / "dvae.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"codebook.embed": Trap()}, protocol=2))
    assert refused(folder) == "dvae.pth is not XTTS's DVAE: it is something else, with 0 tensors."
    assert not (folder / "sprung").exists()


def test_checkpoints_of_coquis_own_trainer_are_taken(folder: Path) -> None:
    """They have the same tensors under another name, with the trainer's own beside them."""
    state = torch.load(folder / "model.pth", weights_only=True)["model"]
    dvae = torch.load(folder / "dvae.pth", weights_only=True)
    prefixed = {f"xtts.{name}": value for name, value in state.items()} | {
        f"dvae.{name}": value for name, value in dvae.items()
    }
    torch.save({"model": prefixed, "config": {}, "step": 12}, folder / "model.pth")
    weights.check(folder)


def test_without_a_base_the_sentence_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYNA_XTTS_BASE", raising=False)
    monkeypatch.setenv("MYNA_HOME", str(tmp_path))
    with pytest.raises(WeightsMissing, match="The base of xtts is not here") as caught:
        weights.base_dir()
    assert "`myna engines accept xtts`" in caught.value.hint
    monkeypatch.setenv("MYNA_XTTS_BASE", str(tmp_path / "elsewhere"))
    with pytest.raises(WeightsMissing, match=r"elsewhere lacks config\.json") as caught:
        weights.base_dir()
    assert "MYNA_XTTS_BASE" in caught.value.hint


def test_a_version_is_not_put_onto_another_base(
    tiny: Path, folder: Path, tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adapters on weights that they were not trained on would speak nonsense, and nobody would know why."""
    monkeypatch.setenv("MYNA_XTTS_BASE", str(tiny))
    engine = create()
    (version := tmp_path / "version").mkdir()
    engine.save(engine.load(None, reference=clips[:2]), version)
    engine.load(version)

    saved = torch.load(folder / "model.pth", weights_only=True)
    torch.save(
        saved | {"step": 3}, folder / "model.pth"
    )  # the same tensors in another file, as Coqui's loader writes them back
    monkeypatch.setenv("MYNA_XTTS_BASE", str(folder))
    engine.load(version)

    saved["model"]["gpt.mel_head.bias"] += 1
    torch.save(saved, folder / "model.pth")
    with pytest.raises(WeightsMissing, match="was trained on another base of XTTS than the one in") as caught:
        engine.load(version)
    assert "Put that base back" in caught.value.hint


def test_a_checkpoint_of_coquis_trainer_is_a_base_too(folder: Path, tiny: Path) -> None:
    state = torch.load(tiny / "model.pth", weights_only=True)["model"]
    old = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    trained = {}
    for name, value in state.items():
        for now, before in old.items():
            name = name.replace(now, before)
        trained[f"xtts.{name}"] = value
    assert any(name.endswith(".weight_g") for name in trained)
    trained |= {"dvae.codebook.embed": torch.zeros(2), "torch_mel_spectrogram_dvae.mel_norms": torch.zeros(2)}
    trained |= {"xtts.gpt.gpt.wte.weight": torch.zeros(2), "xtts.gpt.gpt_inference.embeddings.weight": torch.zeros(2)}
    torch.save({"model": trained, "optimizer": {}, "step": 3}, folder / "model.pth")
    weights.check(folder)
    ours, theirs = network.load(folder).state_dict(), network.load(tiny).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
