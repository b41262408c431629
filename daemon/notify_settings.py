"""The tables `[[notify]]` of `myna.toml`: where people are told of what happens (docs/notices.md). Declared and checked
here. URLs of services have secrets in them: nothing here shows one."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from daemon.errors import BadRequest
from daemon.named_file import named_file
from daemon.notices.times import Plan, Quiet, digest
from daemon.state.values import OccasionKind
from engines.errors import BadInput
from engines.setting import Setting, checked, declared, shown

#: what may be chosen
EVENTS = tuple(
    kind.value for kind in OccasionKind if kind not in (OccasionKind.MISSED, OccasionKind.IN_DOUBT, OccasionKind.TEST)
)
#: what is told unless something else is asked for
USUAL = tuple(kind for kind in EVENTS if kind not in ("rejected", "refused"))
MOST = 20  #: notifiers
#: characters of a URL
LONGEST_URL = 4_000
URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
#: the folder in which systemd puts credentials of a unit
CREDENTIALS = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True)
class Notify:
    """One place that people are told in."""

    name: Annotated[
        str,
        Setting(
            "what `myna notify` calls it",
            form="a name of at most 40 letters, digits, dashes and dots; empty: the URL's scheme",
            pattern="([A-Za-z0-9][A-Za-z0-9.-]{0,39})?",
        ),
    ] = ""
    url: Annotated[
        str, Setting('the service, as Apprise writes it, such as "ntfy://box/topic"; `myna.toml` is then of mode 0600')
    ] = field(default="", repr=False)
    url_file: Annotated[
        str, Setting("or a file with the URL, of mode 0600; a relative one lies beside `myna.toml`")
    ] = ""
    url_credential: Annotated[
        str,
        Setting(
            "or a credential of the systemd unit (`LoadCredential=`) with the URL", pattern="[A-Za-z0-9_.-]{0,255}"
        ),
    ] = ""
    events: Annotated[
        tuple[str, ...],
        Setting(
            "what is told there",
            choices=EVENTS,
            form=f"a list of {', '.join(EVENTS)}",
            follows="all but rejected and refused",
        ),
    ] = USUAL
    quiet: Annotated[
        str, Setting("hours of the local clock in which nothing is sent", form='hours, like "22-7"; empty: none')
    ] = ""
    digest: Annotated[
        str,
        Setting(
            "gather notices for so long, and send them as one message; failed, disk, budget and shutdown do not wait",
            form='a time of at most 7 days, like "1h" or "30 min"; empty: each goes as it comes',
        ),
    ] = ""
    repeat: Annotated[
        bool,
        Setting(
            "send again what may have arrived, because nobody answered; false: leave it, and say so in the next one"
        ),
    ] = True
    sample: Annotated[
        bool, Setting("attach a spoken line of a version that was promoted, where the service takes files")
    ] = True

    def __post_init__(self) -> None:
        checked(NOTIFY, {name: getattr(self, name) for name in NOTIFY if name != "url"}, "notify")
        if len(list(filter(None, (self.url, self.url_file, self.url_credential)))) != 1:
            raise BadInput(
                f"The notifier {self.name or '(without a name)'} has no URL, or more than one.",
                "Write one of url, url_file and url_credential into [[notify]].",
            )
        for what, read in (("quiet", Quiet.read), ("digest", digest)):
            try:
                if given := getattr(self, what):
                    read(given)
            except ValueError:
                raise NOTIFY[what].wrong(what, getattr(self, what)) from None

    @property
    def kinds(self) -> frozenset[OccasionKind]:
        return frozenset(map(OccasionKind, self.events))

    @property
    def plan(self) -> Plan:
        return Plan(Quiet.read(self.quiet) if self.quiet else None, digest(self.digest) if self.digest else None)


@dataclass(frozen=True)
class Notifier:
    """One whose URL is known."""

    name: str
    url: str = field(repr=False)
    settings: Notify


NOTIFY = declared(Notify)


def read(given: object, path: Path) -> tuple[Notify, ...]:
    """The tables [[notify]] of the file. Raises BadInput; none of its sentences has a URL."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise BadInput(
            f"notify must be a list of tables; {shown(given) if not isinstance(given, dict) else 'a table'} was given.",
            "Write [[notify]], with two brackets, and its settings below.",
        )
    if len(given) > MOST:
        raise BadInput(f"There are {len(given)} tables [[notify]]; at most {MOST} are possible.", "Leave some out.")
    found = []
    for table in given:
        if "url" in table:
            if not isinstance(table["url"], str):
                raise BadInput("url in [[notify]] must be a text.", 'Write it in quotes: url = "ntfy://…".')
            _check_private(path)
        values = checked(NOTIFY, {name: value for name, value in table.items() if name != "url"}, "notify")
        found.append(Notify(**values, url=table.get("url", "")))
    return tuple(found)


def notifiers(given: Sequence[Notify], home: Path) -> tuple[Notifier, ...]:
    """They with their URLs, each under a name of its own. Raises BadRequest with what to do."""
    found: dict[str, Notifier] = {}
    for one in given:
        url = _url(one, home)
        name = one.name or url.partition("://")[0].lower()
        if name in found:
            raise BadRequest(f"Two notifiers are called {name}.", f'Give each a name: name = "{name}-2" in [[notify]].')
        found[name] = Notifier(name, url, one)
    return tuple(found.values())


def _url(one: Notify, home: Path) -> str:
    """Raises BadRequest."""
    where, url = "url in [[notify]]", one.url
    if one.url_file:
        path = named_file(home, one.url_file)
        where = str(path)
        url = _text(path, where)
        _check_private(path)
    elif one.url_credential:
        where = f"the credential {one.url_credential}"
        if not (folder := os.environ.get(CREDENTIALS)):
            raise BadRequest(
                f"systemd gave mynad no credentials, so {where} of [[notify]] is not there.",
                f"Write LoadCredential={one.url_credential}:/PATH into the unit, or use url_file.",
            )
        url = _text(Path(folder) / one.url_credential, where)
    url = url.strip()
    if len(url) > LONGEST_URL or URL.fullmatch(url) is None:
        raise BadRequest(
            f"What {where} has is no URL of a service.",
            "Write one line, such as ntfy://HOST/TOPIC: see docs/notices.md.",
        )
    return url


def _text(path: Path, where: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(LONGEST_URL + 2)
    except OSError as error:
        raise BadRequest(f"{where} cannot be read: {error.strerror}.", "See [[notify]] in myna.toml.") from None
    except UnicodeDecodeError:
        raise BadRequest(f"{where} is no text.", "Write the URL of the service into it.") from None


def _check_private(path: Path) -> None:
    """Raises BadRequest for a file that others can read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise BadRequest(f"{path} cannot be read: {error.strerror}.", "See [[notify]] in myna.toml.") from None
    if mode & 0o077:
        raise BadRequest(
            f"Other users can read {path}, which has the URL of a notifier, and secrets with it.",
            f"`chmod 600 {path}`"
            + (", or write it into a file of its own: url_file." if path.suffix == ".toml" else "."),
        )
