"""`myna add`: which files come along, and that a watching daemon never sees half a one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from proto.channel import ClientError
from tests.tui.conftest import Run
from tests.tui.stage.server import Stage
from tui import inbox_copy


def files(folder: Path, *names: str) -> Path:
    """Files whose content is their own name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def there(inbox: Path) -> dict[str, str]:
    return {path.relative_to(inbox).as_posix(): path.read_text() for path in sorted(inbox.rglob("*")) if path.is_file()}


def add(inbox: Path, *paths: Path) -> list[str]:
    return inbox_copy.copy(inbox_copy.gather(paths), inbox, lambda amount: None)


@pytest.mark.unit
def test_a_recordings_transcript_comes_along(tmp_path: Path) -> None:
    given = files(tmp_path / "given", "a.wav", "a.txt", "b.FLAC", "b.lab", "c.txt")
    assert add(tmp_path / "inbox", given / "a.wav", given / "b.FLAC") == ["a.wav", "b.FLAC"]
    assert there(tmp_path / "inbox").keys() == {"a.wav", "a.txt", "b.FLAC", "b.lab"}


@pytest.mark.unit
def test_a_folder_comes_with_its_sub_folders_and_metadata_but_without_other_files(tmp_path: Path) -> None:
    given = files(
        tmp_path / "given", "wavs/a.wav", "metadata.csv", "voice.toml", "notes.pdf", ".hidden.wav", ".git/x.wav"
    )
    gathered = inbox_copy.gather([given])
    assert {name for name, _ in gathered.files} == {"wavs/a.wav", "metadata.csv", "voice.toml"}
    assert [Path(reason.split(":")[0]).name for reason in gathered.left_out] == [".hidden.wav", "notes.pdf"]


@pytest.mark.unit
def test_transcripts_arrive_before_their_audio_and_nothing_arrives_by_halves(tmp_path: Path) -> None:
    given = files(tmp_path / "given", "a.wav", "a.txt")
    inbox = tmp_path / "inbox"
    seen: list[set[str]] = []
    inbox_copy.copy(inbox_copy.gather([given]), inbox, lambda amount: seen.append(set(there(inbox))))
    assert seen == [{"a.txt"}, {"a.wav", "a.txt"}]


@pytest.mark.unit
def test_the_same_name_from_two_folders_is_two_recordings_each_with_its_own_text(tmp_path: Path) -> None:
    one, two = files(tmp_path / "one", "a.wav", "a.txt"), files(tmp_path / "two", "a.wav", "a.txt")
    (two / "a.txt").write_text("the other text")
    assert add(tmp_path / "inbox", one / "a.wav", two / "a.wav") == ["a.wav", "a-2.wav"]
    assert there(tmp_path / "inbox")["a-2.txt"] == "the other text"


@pytest.mark.unit
def test_a_recording_still_waiting_in_the_inbox_is_not_written_over(tmp_path: Path) -> None:
    inbox = files(tmp_path / "inbox", "a.wav", "a-2.wav")
    given = files(tmp_path / "given", "a.wav", "a.txt")
    (given / "a.wav").write_text("new")
    assert add(inbox, given / "a.wav") == ["a-3.wav"]
    assert there(inbox) == {"a.wav": "a.wav", "a-2.wav": "a-2.wav", "a-3.wav": "new", "a-3.txt": "a.txt"}


@pytest.mark.unit
@pytest.mark.parametrize("name", ["notes.pdf", "missing.wav"])
def test_what_is_no_recording_is_refused_before_anything_is_copied(tmp_path: Path, name: str) -> None:
    given = files(tmp_path / "given", "a.wav", "notes.pdf")
    with pytest.raises(ClientError, match=name):
        add(tmp_path / "inbox", given / "a.wav", given / name)
    assert not (tmp_path / "inbox").exists()


@pytest.mark.unit
def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="no recording"):
        inbox_copy.gather([files(tmp_path / "given", "a.txt")])


@pytest.mark.integration
def test_recordings_can_be_added_while_no_daemon_runs(myna: Run, home: Path, tmp_path: Path) -> None:
    ended = myna("add", "anna", files(tmp_path / "given", "a.wav") / "a.wav", "--text", "Hello there.")
    assert ended.code == 0, ended.err
    assert "myna up" in ended.out
    assert there(home / "inbox" / "anna") == {"a.wav": "a.wav", "a.txt": "Hello there.\n"}


@pytest.mark.integration
@pytest.mark.parametrize("voice", ["Bad Name!", "Anna", "../bob", ".hidden", "a/b", " "])
def test_a_voice_cannot_be_named_out_of_the_inbox(myna: Run, home: Path, tmp_path: Path, voice: str) -> None:
    assert myna("add", voice, files(tmp_path / "given", "a.wav")).code == 2
    assert not home.exists()


@pytest.mark.integration
def test_to_a_remote_daemon_files_are_sent_over_tls_with_the_token(myna: Run, stage: Stage, tmp_path: Path) -> None:
    import grpc

    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    request = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    try:
        subprocess.run(
            [*request.split(), "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("openssl makes the certificate of this test")
    stage.close()
    host = stage.open(grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())]))
    given = files(tmp_path / "given", "a.wav", "a.txt")
    untrusted = myna("--host", host, "--token", "secret", "add", "anna", given)
    assert untrusted.code == 1
    assert "not trusted" in untrusted.err or "No daemon answers" in untrusted.err
    ended = myna("--host", host, "--token", "secret", "--tls-ca", certificate, "add", "anna", given, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["names"] == ["a.wav"]
    assert stage.datasets.uploaded == {"a.txt": b"a.txt", "a.wav": b"a.wav"}
    assert stage.datasets.tokens == ["Bearer secret"]


@pytest.mark.integration
def test_through_a_tunnelled_socket_files_are_sent_not_copied_here(
    myna: Run, stage: Stage, home: Path, tmp_path: Path
) -> None:
    stage.system.info.home = "/home/of/the/daemon"  # not ours: its socket was brought here by ssh -L
    assert myna("add", "anna", files(tmp_path / "given", "a.wav")).code == 0
    assert stage.datasets.uploaded == {"a.wav": b"a.wav"}
    assert not (home / "inbox").exists()
