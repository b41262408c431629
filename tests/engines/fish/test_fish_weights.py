"""A base is told by what is in its files, in one sentence a fault."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engines import registry
from engines.errors import WeightsMissing
from engines.fish import tiny_base, weights
from engines.fish.engine import FishEngine
from engines.fish.info import INFO


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "base"))


def change(path: Path, by: Callable[[dict[str, torch.Tensor]], object]) -> None:
    state = torch.load(path, weights_only=True)
    by(state)
    torch.save(state, path)


def config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_whole_base_passes_and_has_a_fingerprint(copy: Path) -> None:
    registry.check_base("fish", copy)
    before = weights.fingerprint(copy)
    change(copy / "model.pth", lambda state: state["norm.weight"].add_(1))
    assert weights.fingerprint(copy) != before


def test_a_base_is_the_same_however_its_texts_are_spelt(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of versions are held against it: an older Myna's must not seem to be of another base."""
    monkeypatch.setenv("MYNA_FISH_BASE", str(copy))
    digest = hashlib.sha256()
    for name in ("codec.pth", "tokenizer.tiktoken", "special_tokens.json"):
        digest.update(hashlib.sha256((copy / name).read_bytes()).digest())
    assert FishEngine().base_fingerprint() == digest.hexdigest()[:16]


def test_the_published_digests_are_of_the_model_that_is_known_here() -> None:
    """The two small files written out as the publisher's are, of what this engine knows of the model."""
    known = {name: value for name, value in tiny_base.FULL.config.items() if name != "is_reward_model"}
    config = json.dumps({**known, "vocab_size": 155_776}, indent=4, sort_keys=True)
    tokens = [*tiny_base.SPECIAL, *(f"<|semantic:{number}|>" for number in range(4_096))]
    special = json.dumps({token: 151_643 + number for number, token in enumerate(tokens)}, indent=2)
    published = {file.name: file for file in INFO.weights}
    for name, written in (("config.json", config), ("special_tokens.json", special)):
        assert published[name].size == len(written)
        assert published[name].sha256 == hashlib.sha256(written.encode()).hexdigest()
    assert all(len(file.sha256) == 64 for file in INFO.weights)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: (folder / "codec.pth").unlink(), "lacks codec.pth"),
        (lambda folder: config(folder, model_type="naive"), "kind 'naive', not openaudio-s1-mini's"),
        (lambda folder: config(folder, n_layer=4), r"layers.3.attention_norm.weight is not there"),
        (lambda folder: config(folder, n_layer=2), "more than 2 layers"),
        (lambda folder: config(folder, vocab_size=300), "goes up to token 398 of 300"),
        (lambda folder: config(folder, codebook_size=64), "128 semantic tokens and should have 64"),
        (lambda folder: shutil.copy(folder / "codec.pth", folder / "model.pth"), "it is a codec"),
        (lambda folder: shutil.copy(folder / "model.pth", folder / "codec.pth"), "is not the codec of openaudio"),
        (lambda folder: (folder / "model.pth").write_text("<html>"), "a web page, not the file itself"),
        (lambda folder: (folder / "model.pth").write_bytes(b"version https://git-lfs.github.com"), "Git LFS pointer"),
        (
            lambda folder: change(folder / "model.pth", lambda state: state.update({"wo.lora_A": torch.ones(1)})),
            "adapters that were not merged",
        ),
        (lambda folder: (folder / "tokenizer.tiktoken").write_text("{}"), "no tokenizer of tiktoken's kind"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(spoil: Callable[[Path], object], sentence: str, copy: Path) -> None:
    spoil(copy)
    with pytest.raises(WeightsMissing, match=sentence) as refused:
        weights.check(copy)
    assert refused.value.hint


def test_a_trainings_checkpoint_is_taken_too(copy: Path) -> None:
    state = torch.load(copy / "model.pth", weights_only=True)
    torch.save({"state_dict": {f"model.{name}": value for name, value in state.items()}}, copy / "model.pth")
    state = torch.load(copy / "codec.pth", weights_only=True)
    torch.save({f"generator.{name}": value for name, value in state.items()}, copy / "codec.pth")
    weights.check(copy)
    from engines.fish import codec, network

    network.load(copy)
    codec.load(copy)
