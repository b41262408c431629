"""A provider's key lies in a file that nobody else can read, and no sentence has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engines.remote import key
from engines.remote.key import KeyMissing
from tests.engines.remote.speaking_server import KEY


def test_a_key_is_read_without_the_end_of_its_line(key_file: Path) -> None:
    assert key.read(key_file) == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused_with_what_to_do(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(KeyMissing, match=f"Other users can read the key file {key_file}") as refused:
        key.read(key_file)
    assert refused.value.hint == f"`chmod 600 {key_file}`."


@pytest.mark.parametrize("held", ["", "two words", "a\nb", "ключ", "k" * 5_000, "\x00\x01"])
def test_what_is_no_key_is_told_without_what_it_is(key_file: Path, held: str) -> None:
    key_file.write_text(held)
    with pytest.raises(KeyMissing, match="holds is no key") as refused:
        key.read(key_file)
    assert not held or held not in f"{refused.value} {refused.value.hint}"


def test_a_missing_file_a_folder_and_a_pipe_are_told(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="cannot be read: No such file"):
        key.read(tmp_path / "none")
    with pytest.raises(KeyMissing, match="is no file"):
        key.read(tmp_path)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(KeyMissing, match="is no file"):
        key.read(tmp_path / "pipe")


def test_a_credential_of_systemd_may_show_rights_of_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "myna-openai-key"
    path.write_text(KEY)
    path.chmod(0o440)
    assert key.credential("myna-openai-key") is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert key.credential("myna-openai-key") == path
    assert key.read(path) == KEY
    path.chmod(0o444)
    with pytest.raises(KeyMissing, match="Other users"):
        key.read(path)
    assert key.credential("myna-azure-key") is None
