"""A folder of another machine: a real SSH server on loopback, whose files are a folder here."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from daemon.places.over_files import FolderRemote
from daemon.places.place import parse
from daemon.places.remote import digest, has, opened, told
from daemon.push_settings import Push
from engines.errors import EngineError

pytestmark = pytest.mark.integration


class Door(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == ("ada", "hunter2") else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class Files(paramiko.SFTPServerInterface):
    """The files of this machine."""

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(path))
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        try:
            handle = paramiko.SFTPHandle(flags)
            file = os.fdopen(os.open(path, flags, 0o600), "r+b" if flags & (os.O_WRONLY | os.O_RDWR) == os.O_RDWR
                             else "ab" if flags & os.O_APPEND else "wb" if flags & os.O_WRONLY else "rb")  # fmt: skip
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle.filename = path  # type: ignore[attr-defined]
        handle.readfile = handle.writefile = file  # type: ignore[attr-defined]
        return handle

    def mkdir(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        os.mkdir(path)
        return paramiko.SFTP_OK

    def remove(self, path: str) -> int:
        os.remove(path)
        return paramiko.SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        if os.path.exists(newpath):
            return paramiko.SFTP_FAILURE
        os.rename(oldpath, newpath)
        return paramiko.SFTP_OK

    posix_rename = rename


@pytest.fixture(scope="module")
def machine() -> Iterator[tuple[int, paramiko.PKey]]:
    """(port, host key)."""
    key, listening = paramiko.ECDSAKey.generate(), socket.create_server(("127.0.0.1", 0))
    open_: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
            transport.start_server(server=Door())
            open_.append(transport)

    threading.Thread(target=serve, daemon=True).start()
    yield listening.getsockname()[1], key
    listening.close()
    for transport in open_:
        transport.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of mynad's user, who has a password for the machine and nothing else."""
    (tmp_path / ".ssh").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_PASSWORD", "hunter2")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def test_a_machine_whose_key_is_not_known_gets_nothing(home: Path, machine: tuple[int, paramiko.PKey]) -> None:
    place = parse(f"ssh://ada@127.0.0.1:{machine[0]}{home}/shelf")
    with pytest.raises(EngineError, match="not found in known_hosts") as failed, told(place, Push()):
        opened(place, Push(), home)
    assert "hunter2" not in str(failed.value)
    assert not (home / "shelf").exists()


def test_a_file_goes_there_goes_on_and_comes_back(home: Path, machine: tuple[int, paramiko.PKey]) -> None:
    port, key = machine
    known = paramiko.HostKeys()
    known.add(f"[127.0.0.1]:{port}", key.get_name(), key)
    known.save(str(home / ".ssh/known_hosts"))
    remote = opened(parse(f"ssh://ada@127.0.0.1:{port}{home}/shelf"), Push(), home)
    assert isinstance(remote, FolderRemote)
    file, said = home / "file", list[int]()
    file.write_bytes(bytes(range(251)) * 12_000)
    size = file.stat().st_size
    (home / "shelf").mkdir()
    (home / "shelf/name.part").write_bytes(file.read_bytes()[:2_000_000])
    remote.send(file, "name", said.append)
    assert said == [size], "what was there was not sent again"
    assert has(remote, "name", size, digest(iter([file.read_bytes()])))
    remote.send(file, "name", said.append)  # over the one that is there
    assert {path.name for path in (home / "shelf").iterdir()} == {"name"}
    assert remote.size("other") is None
