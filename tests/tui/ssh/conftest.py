"""A real sshd on loopback, with keys and configuration of its own, run as the user who tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")


@dataclass
class Sshd:
    """The server, and an `ssh` in front of the system's one that knows its keys and nothing of the person's own
    configuration."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def path(self) -> str:
        """PATH that finds our `ssh` first."""
        return os.pathsep.join((str(self.folder / "bin"), os.environ["PATH"]))

    @property
    def to(self) -> str:
        """What --ssh is given."""
        return f"{os.environ.get('USER') or _user()}@localhost:{self.port}"

    def up(self, **environment: Path | str) -> None:
        """Serve; `environment` is what a login finds set."""
        if os.getuid() == 0:  # an sshd that root starts wants the folder that the system's own would make
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        lines = [
            f"HostKey {self.folder}/host_key", f"AuthorizedKeysFile {self.folder}/user_key.pub", "PidFile none",
            "StrictModes no", "ListenAddress 127.0.0.1", "UsePAM no", "PasswordAuthentication no",
            "KbdInteractiveAuthentication no", "PermitRootLogin yes", "PrintMotd no",
        ]  # fmt: skip
        if environment:
            lines.append("SetEnv " + " ".join(f'{name}="{value}"' for name, value in environment.items()))
        lines += self.more
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
        assert SSHD is not None
        command = [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config"), "-p", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stderr is not None
        said = self.process.stderr.readline()  # it says when it listens
        assert "listening" in said, said + self.process.stderr.read()

    def down(self) -> None:
        """End the server and every session of it, as a machine that is switched off."""
        if self.process is not None:
            import psutil

            listener = psutil.Process(self.process.pid)
            listener.suspend()  # or it would serve who comes back while its sessions end, by one that nobody ends
            for one in (*listener.children(recursive=True), listener):
                one.kill()
            self.process.wait()
            assert self.process.stderr is not None
            self.process.stderr.close()
            self.process = None

    more: tuple[str, ...] = ()  #: further lines of its configuration


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if SSHD is None:
        pytest.skip("no sshd here: --ssh is tested against a real one (Debian: openssh-server)")
    folder = tmp_path / "sshd"
    (folder / "bin").mkdir(parents=True)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kind, key, _ = (folder / "host_key.pub").read_text().split(maxsplit=2)
    (folder / "known_hosts").write_text(f"[localhost]:{port} {kind} {key}\n")
    (folder / "ssh_config").write_text(
        f"IdentityFile {folder}/user_key\nIdentitiesOnly yes\nUserKnownHostsFile "
        f"{folder}/known_hosts\nGlobalKnownHostsFile /dev/null\n"
        "AddressFamily inet\nIdentityAgent none\n"
    )
    wrapper = folder / "bin" / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
    wrapper.chmod(0o755)
    server = Sshd(folder, port)
    yield server
    server.down()
