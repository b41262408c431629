"""Whether a folder has the base: every wrong, partial or foreign file is a sentence, told without running anything that
is in it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from engines import registry
from engines.errors import WeightsMissing
from engines.openvoice import network, weights
from engines.openvoice.engine import OpenVoiceEngine
from engines.openvoice.info import INFO


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    """A copy of the tiny base whose files a test may replace."""
    return Path(shutil.copytree(tiny, tmp_path / "base"))


def refused(folder: Path) -> str:
    with pytest.raises(WeightsMissing) as caught:
        weights.check(folder)
    assert caught.value.hint
    return str(caught.value)


def configured(folder: Path, part: str, **changes: Any) -> Path:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config[part].update(changes)
    path.write_text(json.dumps(config))
    return folder


def test_a_whole_base_is_accepted_and_known_by_its_weights(folder: Path) -> None:
    weights.check(folder)
    registry.check_base("openvoice", folder)
    first = weights.fingerprint(folder)
    checkpoint = torch.load(folder / "checkpoint.pth", weights_only=True)
    checkpoint["model"]["ref_enc.proj.bias"] += 1
    torch.save(checkpoint, folder / "checkpoint.pth")
    assert weights.fingerprint(folder) != first


@pytest.mark.parametrize("name", [file.name for file in INFO.weights])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert refused(folder) == f"{folder} lacks {name}."


def test_a_file_that_is_cut_off_says_how_long_it_is(folder: Path) -> None:
    size = (folder / "checkpoint.pth").stat().st_size // 2
    os.truncate(folder / "checkpoint.pth", size)
    assert refused(folder) == f"checkpoint.pth is cut off: it ends after {size:,} bytes."


@pytest.mark.parametrize("name", [file.name for file in INFO.weights])
def test_what_a_failed_download_leaves_is_recognised(folder: Path, name: str) -> None:
    (folder / name).write_text("<!DOCTYPE html><title>Log in</title>")
    assert refused(folder).startswith(f"{name} is ")


@pytest.mark.parametrize(
    ("part", "changes", "words"),
    [
        ("model", {"hidden_channels": 192}, "enc_q.pre.weight is 8×513×1 and should be 192×513×1"),
        ("data", {"filter_length": 2_048}, "enc_q.pre.weight is 8×513×1 and should be 8×1025×1"),
        ("model", {"gin_channels": 256}, "ref_enc.proj.weight is 8×128 and should be 256×128"),
        ("data", {"hop_length": 200}, "upsample_rates do not make up hop_length, 200"),
        ("model", {"upsample_rates": "8822"}, "does not say how big the model is (upsample_rates)"),
        ("model", {"inter_channels": 10**9}, "does not say how big the model is (inter_channels)"),
        ("data", {"sampling_rate": True}, "does not say how big the model is (sampling_rate)"),
        ("model", {"resblock_dilation_sizes": [[1], 3]}, "does not say how big the model is (resblock_dilation_sizes)"),
    ],
)
def test_a_configuration_that_does_not_fit_is_a_sentence(
    folder: Path, part: str, changes: dict[str, Any], words: str
) -> None:
    assert words in refused(configured(folder, part, **changes))


def test_a_base_speaker_of_the_same_publisher_is_no_converter(folder: Path) -> None:
    torch.save({"model": {"enc_p.emb.weight": torch.zeros(4, 4)}}, folder / "checkpoint.pth")
    told = refused(folder)
    assert told == "checkpoint.pth is not the weights of OpenVoice's converter: it is a speaker that says texts."


def test_a_checkpoint_that_lacks_a_tensor_is_not_loaded_with_noise_in_its_place(folder: Path) -> None:
    checkpoint = torch.load(folder / "checkpoint.pth", weights_only=True)
    del checkpoint["model"]["dec.conv_post.weight"]
    torch.save(checkpoint, folder / "checkpoint.pth")
    weights.check(folder)  # not seen from outside
    with pytest.raises(WeightsMissing, match=r"dec\.conv_post\.weight") as caught:
        network.load(folder)
    assert "myna engines fetch openvoice" in caught.value.hint


def test_where_the_base_is_not_here_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MYNA_OPENVOICE_BASE", raising=False)
    monkeypatch.setenv("MYNA_HOME", str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"lacks config\.json, checkpoint\.pth") as caught:
        OpenVoiceEngine().load(None)
    assert "`myna engines fetch openvoice` fetches it" in caught.value.hint
