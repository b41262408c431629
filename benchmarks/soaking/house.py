"""A home with everything on: the mynad of `benchmarks.soaking.mynad`, its doors, TCP with TLS and a token, people with
limits, notices, and short times to keep things."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.soaking import mynad
from proto.client import Client, connect

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = ROOT / "demo" / "recordings"
START, END = 180.0, 120.0  #: seconds that mynad gets to be ready, and to end
#: events that are kept: few, so that they are forgotten many times in an hour
EVENTS_KEPT = 200
SPEECH_IDLE = 45.0

SETTINGS = """\
settle = 0.5
auto_train_quiet = 2
auto_train_min_seconds = 5
min_free_disk = 0
threads = 1
cpu_jobs = 1
stop_grace = 30
speech_idle_seconds = {idle}
events_kept = {events}
listen = "127.0.0.1:{tcp}"
tls_cert = "{folder}/cert.pem"
tls_key = "{folder}/key.pem"
token_file = "{folder}/token"
[http]
listen = "127.0.0.1:{http}"
[wyoming]
listen = "127.0.0.1:{wyoming}"
[keep]
texts_days = 1
logs_days = 1
checkpoints_days = 1
packages_days = 1
rejected_days = 1
[[notify]]
name = "box"
url = "{hook}"
events = ["promoted", "rejected", "undecided", "failed", "refused", "shutdown"]
digest = "6h"
"""
#: short trainings of the embedded engine, judged at once, of clips that are heard once
VOICE = """\
[train]
steps = 8
checkpoint_every = 4
eval_every = 4
batch_size = 2
spoken_checkpoints = 0
[promotion]
takes = 1
min_lines = 0
rival_every = 0
[dataset]
compare_speakers = false
second_recogniser = false
"""


@dataclass
class Tally:
    """What was done, and what went wrong at it. For any thread."""

    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)  #: that nothing explains
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, number: int = 1) -> None:
        with self._lock:
            self.done[what] += number

    def fault(self, sentence: str) -> None:
        with self._lock:
            self.faults.append(" ".join(sentence.split())[:3_000])
        print(f"# fault: {sentence}"[:3_000], flush=True)


class House:
    """One home, and the mynad in it."""

    def __init__(self, folder: Path, hook: str, every: float, hours: int) -> None:
        """`hook`: where notices go; `every`: seconds in which an hour of the clock passes, `hours` of them at most."""
        self.folder, self.home, self.temporary = folder, folder / "home", folder / "tmp-mynad"
        self.every, self.hours = every, hours
        self.token = secrets.token_hex(16)
        self.tcp, self.http, self.wyoming = (_free() for _ in range(3))
        self.mynad: subprocess.Popen[bytes] | None = None
        for made in (self.home, self.temporary, folder / "tmp-people"):
            made.mkdir(parents=True)
        (folder / "token").write_text(self.token)
        (folder / "token").chmod(0o600)
        _certificate(folder)
        settings = self.home / "myna.toml"
        settings.write_text(
            SETTINGS.format(
                folder=folder, tcp=self.tcp, http=self.http, wyoming=self.wyoming, hook=hook, idle=SPEECH_IDLE,
                events=EVENTS_KEPT,
            )
        )  # fmt: skip
        settings.chmod(0o600)

    @property
    def environment(self) -> Mapping[str, str]:
        """Of what people start: libraries for sound leave files of their own in its temporary folder."""
        return {
            **os.environ,
            "MYNA_HOME": str(self.home),
            "TMPDIR": str(self.folder / "tmp-people"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            mynad.EVERY: str(self.every),
            mynad.HOURS: str(self.hours),
        }

    def start(self) -> int:
        """Start mynad, and wait until it serves; its pid."""
        with (self.folder / "mynad.out").open("ab") as out:
            self.mynad = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.soaking.mynad"],
                cwd=ROOT, env={**self.environment, "TMPDIR": str(self.temporary)}, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out,
            )  # fmt: skip
        with self.client() as client:
            client.wait_ready(START)
        end = time.monotonic() + START
        while not self._open():
            if time.monotonic() > end:
                raise SystemExit("the doors did not open")
            time.sleep(0.2)
        return self.mynad.pid

    @property
    def url(self) -> str:
        """Of the HTTP door."""
        return f"http://127.0.0.1:{self.http}"

    def _open(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self) -> int | None:
        """End mynad in order; its exit status, or None: it had to be killed."""
        if self.mynad is None:
            return None
        self.mynad.send_signal(signal.SIGTERM)
        try:
            return self.mynad.wait(END)
        except subprocess.TimeoutExpired:
            self.mynad.kill()
            self.mynad.wait()
            return None

    def client(self) -> Client:
        """Of the owner, over the socket."""
        return connect(home=self.home)

    def script(self) -> Client:
        """Of the owner, over TCP."""
        return connect(f"127.0.0.1:{self.tcp}", None, self.token, tls_ca=self.folder / "cert.pem")

    def myna(self, *words: str) -> subprocess.Popen[str]:
        """A command that a person begins."""
        return subprocess.Popen(
            [sys.executable, "-m", "tui.cli", *words],
            cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def drop(self, voice: str, name: str, write: Callable[[Path], None], text: str) -> None:
        """Put something into a voice's inbox, its text first, the rest under another name until it is whole."""
        inbox = self.home / "inbox" / voice
        inbox.mkdir(parents=True, exist_ok=True)
        if not (inbox / "voice.toml").exists():
            (inbox / "voice.toml").write_text(VOICE)
        if text:
            (inbox / f"{Path(name).stem}.txt").write_text(text)
        aside = self.folder / name
        write(aside)
        shutil.move(aside, inbox / name)


def missing() -> str:
    """What a soak needs and is not here; empty: nothing."""
    return "" if shutil.which("openssl") else "The soak makes a certificate by openssl, which is not here."


def _certificate(folder: Path) -> None:
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=soak"
    places = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(["openssl", *words.split(), *places], cwd=folder, check=True, capture_output=True)
    (folder / "key.pem").chmod(0o600)


def _free() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port
