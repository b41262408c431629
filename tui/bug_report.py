"""What a person sends with a report of a bug: versions, findings, numbers of the settings, and the ends of logs,
without secrets, texts, and names of people, voices, notifiers and files."""

from __future__ import annotations

import getpass
import io
import json
import platform
import re
import socket
import tarfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import distributions
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from proto import people_toml
from proto.client import Client, ClientError
from proto.people_toml import BadToml
from tui import as_json, doctor

LOG_TAIL = 300_000  #: bytes of mynad's log that are looked at
JOBS = 50  #: failed jobs that are told, the newest
LINES = 400  #: lines of a job's log, where it was asked for
#: settings that are words out of a short list: those may be told
WORDS = frozenset({"poll", "default_engine", "default_language", "log_format", "watermark", "currency"})
#: a table of names that people chose
NAMED = "voices"
LEFT_OUT = "(left out)"
SOUND = re.compile(r"[^\s/\"'“”]+\.(wav|flac|mp3|ogg|opus|m4a|aac|webm|mp4|mkv|mov|txt|lab|srt|vtt|csv|zst)\b", re.I)
URL = re.compile(r"\b([a-z][a-z0-9+.-]{1,15})://[^\s\"'<>]+", re.I)
#: a token, a key, a digest: nothing that a person reads
SECRET = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9_-]{20,}\b")
#: a caller as gRPC tells of one; addresses; and what may be one of IPv6: times of day look like it
PEER = re.compile(r"\bipv[46]:\S+")
IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)")
IPV6 = re.compile(r"(?<![\w:])[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:]*(?![\w:])", re.I)
#: names of notifiers, in a myna.toml that need not be right
NOTIFIER = re.compile(r"""\bname\s*=\s*["']([^"'\s]+)""")
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


@dataclass(frozen=True)
class Part:
    """One file of the report."""

    name: str
    text: str
    holds: str  #: for the person, before it is sent


class Mask:
    """Takes out of a text what nobody else needs to know."""

    def __init__(
        self, home: Path, voices: Iterable[str] = (), people: Iterable[str] = (), notifiers: Iterable[str] = ()
    ) -> None:
        known = {str(home): "<home>", str(Path.home()): "<user's folder>"}
        known |= {socket.gethostname(): "<host>", _user(): "<user>"}
        #: the longest first, so that a path inside another one is found; of one or two letters none: that is any word
        self.known = {
            name: to
            for name, to in sorted(known.items(), key=lambda one: -len(one[0]))
            if len(name) > 2 and name != "/"
        }
        kinds = dict.fromkeys(notifiers, "notifier") | dict.fromkeys(people, "person") | dict.fromkeys(voices, "voice")
        kinds.pop("", None)
        names = sorted(kinds, key=len, reverse=True)
        self.names = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\w)") if names else None
        self.kinds = kinds
        self.numbers: dict[str, int] = {}

    def __call__(self, text: str) -> str:
        text = URL.sub(r"\1://<address>", text)
        text = MAIL.sub("<mail>", text)
        text = IPV4.sub("<address>", PEER.sub("<address>", text))
        text = IPV6.sub(_unless_time, text)
        for name, to in self.known.items():
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", to, text)
        text = SOUND.sub(r"<file>.\1", text)
        text = SECRET.sub("<secret or digest>", text)
        if self.names is not None:
            text = self.names.sub(lambda found: self._name(found[0]), text)
        return text

    def _name(self, name: str) -> str:
        kind = self.kinds[name]
        alike = sum(self.kinds[other] == kind for other in self.numbers)
        return f"{kind}-{self.numbers.setdefault(name, alike + 1)}"


def _unless_time(found: re.Match[str]) -> str:
    try:
        IPv6Address(found[0])
    except ValueError:
        return found[0]
    return "<address>"


def parts(client: Client, job: int = 0) -> list[Part]:
    """What the report has: of a daemon that does not answer only what is found without it. `job`: its log's end, too.
    Raises ClientError where that job is not there."""
    where = client.address
    try:
        info, names = client.info(), [voice.name for voice in client.voices(deleted=True)]
        failed = list(client.jobs(states=["failed"], limit=JOBS))
    except ClientError:
        info, names, failed = None, [], []
        if job:
            raise
    voices = len(names)
    people, notifiers = (_people(client), _notifiers(client)) if info is not None else ([], [])
    if not where.remote:
        names, notifiers = [*names, *_voices_here(where.home)], [*notifiers, *_notifiers_here(where.home)]
    mask = Mask(where.home, names, people, notifiers)
    found = [_line(finding.state, finding.name, finding.sentence) for finding in doctor.examine(client)]
    made = [Part("versions.txt", versions(), "versions of Myna, Python, the system and the packages")]
    made.append(Part("doctor.txt", mask("\n".join(found) + "\n"), "what `myna doctor` finds"))
    if info is not None:
        facts = {
            "version": info.version,
            "jobs": dict(info.jobs),
            "sample": as_json.plain(info.sample),
            "engines": [{"name": engine.name, "here": engine.ready} for engine in info.engines],
            "refused files": info.refused_count,
            "voices": voices,
        }
        made.append(
            Part("daemon.json", mask(json.dumps(facts, indent=1) + "\n"), "numbers of jobs, engines, the machine")
        )
        rows = [_line(f"#{one.id}", _kind(one), one.status.failed.error.sentence) for one in failed]
        made.append(Part("failed.txt", mask("\n".join(rows) + "\n"), "why the newest failed jobs failed"))
    if job:
        lines = [f"{line.level} {line.text}" for line in client.logs(job, tail=LINES)]
        holds = f"the end of the log of job {job}; it may hold words of texts"
        made.append(Part(f"job-{job}.log", mask("\n".join(lines) + "\n"), holds))
    if not where.remote:
        made += _of_home(where.home, mask)
    return made


def _people(client: Client) -> list[str]:
    """As far as whoever asks may know of them."""
    try:
        return [one.name for one in client.people()]
    except ClientError:
        return []


def _notifiers(client: Client) -> list[str]:
    """Those that somebody gave a name: others are called as their service's scheme is, which is no secret."""
    try:
        return [one.name for one in client.notifiers() if one.name != one.shown_url.partition("://")[0]]
    except ClientError:
        return []


def _notifiers_here(home: Path) -> list[str]:
    """Also where no mynad knows them (any more)."""
    try:
        return NOTIFIER.findall((home / "myna.toml").read_text("utf-8", "replace"))
    except OSError:
        return []


def _voices_here(home: Path) -> list[str]:
    """By their folders, where no mynad tells."""
    found = []
    for folder in (home / "inbox", home / "voices"):
        with suppress(OSError):
            found += [entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    return found


def _of_home(home: Path, mask: Mask) -> list[Part]:
    made = []
    try:
        told = json.dumps(settings(people_toml.loads((home / "myna.toml").read_bytes())), indent=1)
    except FileNotFoundError:
        told = "no myna.toml"
    except BadToml as error:
        told = mask(f"myna.toml {error.sentence}")
    except OSError as error:
        told = mask(f"myna.toml cannot be read: {error}")
    made.append(Part("settings.json", told + "\n", "your settings; of texts and secrets only that they are set"))
    try:
        with open(home / "log" / "mynad.log", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - LOG_TAIL))
            tail = file.read().decode("utf-8", "replace")
    except OSError:
        return made
    made.append(Part("mynad.log", mask(tail), "the end of mynad's log; names and addresses are replaced"))
    return made


def settings(table: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers and switches as they are; of all else that it is set."""
    told: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping) and name == NAMED:
            told[name] = LEFT_OUT
        elif isinstance(value, Mapping):
            told[name] = settings(value)
        elif isinstance(value, list):
            told[name] = [settings(one) if isinstance(one, Mapping) else LEFT_OUT for one in value]
        else:
            plain = isinstance(value, bool | int | float) or (name in WORDS and isinstance(value, str))
            told[name] = value if plain else LEFT_OUT
    return told


def versions() -> str:
    """Of Python, the system, and every package beside Myna."""
    lines = [
        f"python {platform.python_version()}",
        f"system {platform.system()} {platform.release()} {platform.machine()}",
    ]
    packages = {(one.metadata["Name"] or "", one.version) for one in distributions()}
    return "\n".join([*lines, *(f"{name} {version}" for name, version in sorted(packages) if name)]) + "\n"


def pack(made: Iterable[Part], to: Path) -> None:
    """The report as one file, that only its owner may read. Raises OSError (FileExistsError, if it is there)."""
    buffer = io.BytesIO()
    now = int(time.time())
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for part in made:
            data = part.text.encode()
            entry = tarfile.TarInfo(f"myna-report/{part.name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o600, now
            archive.addfile(entry, io.BytesIO(data))
    to.touch(mode=0o600, exist_ok=False)
    to.write_bytes(buffer.getvalue())


def _line(*words: str) -> str:
    return "  ".join(words)


def _kind(job: Any) -> str:
    field = job.DESCRIPTOR.fields_by_name["kind"]
    return str(field.enum_type.values_by_number[job.kind].name).removeprefix("JOB_KIND_").lower()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account that no list has
        return ""
