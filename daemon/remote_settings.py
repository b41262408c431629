"""The tables `[remote.openai]`, `[remote.elevenlabs]` and `[remote.azure]` of `myna.toml`: engines that are elsewhere
(docs/remote-engines.md). All of them are off until the owner of the workstation switches one on: what people want said
leaves the machine then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from engines.errors import BadInput
from engines.remote import key
from engines.remote.providers import PROVIDERS, Provider
from engines.setting import Setting, checked, declared, shown
from proto import money

TABLE = "remote"
MOST_BYTES = 10**15


@dataclass(frozen=True)
class Remote:
    """One engine that is elsewhere, as the owner wants it used."""

    enabled: Annotated[bool, Setting("send it texts; what people want said leaves this machine")] = False
    key_file: Annotated[
        str,
        Setting(
            "file with its key, mode 0600; a relative one lies beside `myna.toml`; empty: the credential "
            "`myna-ENGINE-key` of mynad's systemd service, else no key is sent where base_url is set"
        ),
    ] = ""
    base_url: Annotated[
        str,
        Setting(
            "where its API is, or that of a server that answers as it does; http:// only on this machine",
            form="a URL that begins with https:// or http://, or empty",
            pattern="(https?://[^\\s?#@]+)?",
            follows="the provider",
        ),
    ] = ""
    model: Annotated[str, Setting("its model", form="a name", pattern="[\\w.:/-]{0,100}", follows="the engine")] = ""
    voices: Annotated[
        tuple[str, ...],
        Setting(
            "its voices that are listed to programs; others can be named all the same",
            form="a list of names in quotes",
            pattern="[\\w.-]{1,100}",
            follows="the engine",
        ),
    ] = ()
    price: Annotated[
        float,
        Setting(
            "what a million characters cost; 0: what the provider's list says of the model, else it is not known",
            0,
            1_000_000,
        ),
    ] = 0.0
    currency: Annotated[
        str,
        Setting(
            "what that and the budgets are in",
            form='a sign or a code of three capital letters, like "€" or "EUR"',
            pattern=money.CURRENCY,
        ),
    ] = "USD"
    budget_a_day: Annotated[
        float, Setting("what everybody together may spend with it on one day; 0: any sum", 0, 1_000_000)
    ] = 0.0
    people: Annotated[bool, Setting("let people other than the owner and admins speak with it")] = False
    person_a_day: Annotated[
        float, Setting("what each of them may spend with it on one day; 0: any sum", 0, 1_000_000)
    ] = 0.0
    cache: Annotated[
        int, Setting("what it spoke is kept, and costs nothing the next time, in so many bytes; 0: not", 0, MOST_BYTES)
    ] = 500_000_000

    def __post_init__(self) -> None:
        checked(REMOTE, vars(self), "remote engine")
        try:
            address = urlsplit(self.base_url)
            known = not self.base_url or (bool(address.hostname) and address.port != 0)
        except ValueError:
            known = False
        if not known:
            raise BadInput(f"base_url is no address: {shown(self.base_url)}.", "Write it like https://api.example.com.")
        if address.scheme == "http" and address.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise BadInput(
                f"base_url {shown(self.base_url)} would send texts and the key in the clear.",
                "Use https://, or a server on this machine.",
            )


REMOTE = declared(Remote)


@dataclass(frozen=True)
class Use:
    """A provider with its settings: what is asked of it, and what that costs."""

    provider: Provider
    settings: Remote

    @property
    def base_url(self) -> str:
        """Without a slash at its end; empty: nobody said where it is."""
        return (self.settings.base_url or self.provider.base_url).rstrip("/")

    @property
    def host(self) -> str:
        """Where texts go, for people."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def model(self) -> str:
        return self.settings.model or self.provider.model

    @property
    def voices(self) -> tuple[str, ...]:
        """Those that are listed."""
        return self.settings.voices or (() if self.settings.base_url else self.provider.voices)

    @property
    def key_file(self) -> Path | None:
        """Where its key is; None: there is to be none. It need not be there."""
        if self.settings.key_file:
            return Path(self.settings.key_file)
        return key.credential(self.provider.credential)

    @property
    def needs_key(self) -> bool:
        """The provider itself is asked, and not a server of one's own."""
        return not self.settings.base_url or self.provider.base_url == ""


def use(engine: str, tables: Mapping[str, Remote]) -> Use:
    """Of a provider that there is."""
    return Use(PROVIDERS[engine], tables[engine])


def usual() -> dict[str, Remote]:
    """As they are where nobody said anything: off."""
    return {name: Remote() for name in PROVIDERS}


def read(given: object) -> dict[str, dict[str, Any]]:
    """What the table `[remote]` says of each, checked. Raises BadInput."""
    if not isinstance(given, dict):
        raise BadInput(
            f"{TABLE} must be a table; {shown(given)} was given.", "Write [remote.openai], and its settings."
        )
    for name, table in given.items():
        if name not in PROVIDERS:
            raise BadInput(f"There is no remote engine named {shown(name)}.", f"There are: {', '.join(PROVIDERS)}.")
        if not isinstance(table, dict):
            raise BadInput(f"{TABLE}.{name} must be a table; {shown(table)} was given.", f"Write [{TABLE}.{name}].")
    found = {name: checked(REMOTE, given.get(name, {}), f"remote engine {name}") for name in PROVIDERS}
    made(found, lambda known, prefix: {})  # what contradicts itself does so in the file
    return found


def made(
    tables: Mapping[str, Mapping[str, Any]], environment: Callable[[Mapping[str, Setting], str], dict[str, Any]]
) -> dict[str, Remote]:
    """What `read` found, with what the environment says over it: `environment` reads what begins with a prefix. Raises
    BadInput."""
    return {
        name: Remote(**{**table, **environment(REMOTE, f"MYNA_{TABLE.upper()}_{name.upper()}_")})
        for name, table in tables.items()
    }
