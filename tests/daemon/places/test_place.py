"""Places as people write them, what opens them, and what is never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.errors import BadRequest
from daemon.inbox import voice_toml
from daemon.places import credentials
from daemon.places.place import is_allowed, parse
from daemon.places.remote import opened, told
from daemon.push_settings import Push
from engines.errors import BadInput, EngineError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("s3://bucket", "s3://bucket"),
        ("S3://bucket//voices/", "s3://bucket/voices"),
        ("r2://bucket/a b", "r2://bucket/a b"),
        ("hf://ada/robin", "hf://ada/robin"),
        ("file:///srv/voices", "file:///srv/voices"),
        ("ssh://ada@shelf.example:2222/srv", "ssh://ada@shelf.example:2222/srv"),
    ],
)
def test_a_place_is_written_one_way(url: str, same: str) -> None:
    assert str(parse(url)) == same


@pytest.mark.parametrize(
    "url",
    ["", "bucket", "ftp://host/a", "s3://", "s3://a/../b", "s3://bucket/./a", "hf://ada", "hf://ada/a b",
     "file://host/a",     "file:///", "ssh://host", "ssh://-oProxyCommand=x/a", "s3://bucket/a\nb", "s3://bucket?x=1",
     "s3://bucket/" + "a" * 2_000],
)  # fmt: skip
def test_what_is_no_place_is_refused(url: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(url)
    assert refused.value.hint


@pytest.mark.parametrize(
    "url", ["ssh://ada:hunter2@host/a", "s3://AKIA:hunter2@bucket/a", "hf://hunter2@ada/robin", "file://a:hunter2@/srv"]
)
def test_a_url_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadRequest, match="password or a key") as refused:
        parse(url)
    assert "hunter2" not in str(refused.value)
    with pytest.raises(BadRequest) as refused:
        voice_toml.parse(f'auto_push = "{url}"'.encode())
    assert "auto_push" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    with pytest.raises(BadInput) as wrong:
        Push(allow=(url,))
    assert "hunter2" not in f"{wrong.value} {wrong.value.hint}"


def test_a_voice_toml_names_a_place() -> None:
    assert voice_toml.parse(b'auto_push = "s3://bucket/voices/"').options == {"auto_push": "s3://bucket/voices"}


def test_a_list_allows_what_lies_in_its_places() -> None:
    allowed = ("s3://bucket/voices", "hf://ada/robin")
    for url, is_in in {
        "s3://bucket/voices": True,
        "s3://bucket/voices/deep/er": True,
        "s3://bucket/voices2": False,
        "s3://bucket": False,
        "r2://bucket/voices": False,
        "hf://ada/robin": True,
        "hf://ada/wren": False,
    }.items():
        assert is_allowed(parse(url), allowed) is is_in


def test_credentials_come_from_a_file_that_nobody_else_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "of the environment")
    file = tmp_path / "secrets"
    file.write_text("# ours\nexport HF_TOKEN='of the file'\nAWS_ACCESS_KEY_ID=a=b\n")
    file.chmod(0o640)
    with pytest.raises(BadInput, match="Other users") as refused:
        credentials.read(str(file))
    assert refused.value.hint == f"`chmod 600 {file}`."
    file.chmod(0o600)
    assert {"HF_TOKEN": "of the file", "AWS_ACCESS_KEY_ID": "a=b"}.items() <= credentials.read(str(file)).items()
    file.write_text("LD_PRELOAD=hunter2\n")
    with pytest.raises(BadInput, match="Line 1") as refused:
        credentials.read(str(file))
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


def test_what_a_library_says_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hunter2")
    with pytest.raises(EngineError) as failed, told(parse("hf://ada/robin"), Push()):
        raise ValueError("403 for https://host/a?X-Amz-Signature=abc with hunter2")
    assert str(failed.value) == (
        "hf://ada/robin does not do what is asked (ValueError): 403 for https://host/a?… with …"
    )
    assert failed.value.hint


def test_a_package_that_is_not_installed_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(BadInput, match="needs a package that is not installed") as refused:
        opened(parse("s3://bucket/voices"), Push(), tmp_path)
    assert "myna-voice[push]" in refused.value.hint


def test_r2_wants_its_server(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no server"):
        opened(parse("r2://bucket/voices"), Push(), tmp_path)
