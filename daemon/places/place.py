"""A place elsewhere, as people write it: `s3://bucket/voices`, `r2://bucket/voices`, `hf://user/repo`,
`file:///srv/voices`, `ssh://user@host/srv/voices`. A value; nothing here asks the place.

What opens a place is never in its URL, which stands in jobs, titles and logs: a URL with a password is refused, and the
refusal does not repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from daemon.errors import BadRequest

#: characters of a URL, at most
LONGEST = 1_000
EXAMPLES = "s3://bucket/folder, r2://bucket/folder, hf://user/repo, file:///folder or ssh://user@host/folder"


class Scheme(StrEnum):
    S3 = "s3"
    R2 = "r2"  #: as S3, at the endpoint that `[push] r2_endpoint` names
    HUB = "hf"
    FILE = "file"
    SSH = "ssh"


_HOSTS = {
    Scheme.S3: re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]"),
    Scheme.R2: re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]"),
    Scheme.HUB: re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"),
    Scheme.FILE: re.compile(r""),
    Scheme.SSH: re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,63}@)?[A-Za-z0-9][A-Za-z0-9.-]{0,252}(:[0-9]{1,5})?"),
}
_REPO = _HOSTS[Scheme.HUB]


@dataclass(frozen=True)
class Place:
    """Where it is. `host`: a bucket; a user of the hub; user, host and port of a machine; empty: this machine."""

    scheme: Scheme
    host: str
    path: tuple[str, ...]  #: folders, the outermost first; of the hub, the first is the repository

    def __str__(self) -> str:
        return "/".join((f"{self.scheme}://{self.host}", *self.path))

    def within(self, other: Place) -> bool:
        """Whether it is the other place, or lies in it."""
        return (self.scheme, self.host) == (other.scheme, other.host) and self.path[: len(other.path)] == other.path

    def folder(self, name: str) -> Place:
        """A folder in it; a repository of the hub holds one version at a time, and is the folder itself."""
        return self if self.scheme is Scheme.HUB else Place(self.scheme, self.host, (*self.path, name))


def parse(url: str) -> Place:
    """The place that a URL names. Raises BadRequest; the sentence does not hold what may be a secret."""
    before, mark, rest = url.partition("://")
    known = [scheme for scheme in Scheme if scheme == before.lower()]
    if not mark or not known or len(url) > LONGEST or not url.isprintable():
        raise BadRequest("This is no place to push to or pull from.", f"Name one like {EXAMPLES}.")
    scheme, (host, _, path) = known[0], rest.partition("/")
    user = host.rpartition("@")[0]
    if ":" in user or (user and scheme is not Scheme.SSH):
        raise BadRequest(
            "The URL holds a password or a key.",
            "Leave it out: credentials come from mynad's environment or the file of [push] credentials.",
        )
    if "?" in rest or "#" in rest:
        raise BadRequest("The URL of a place has no ? and no #.", f"Name one like {EXAMPLES}.")
    parts = tuple(part for part in path.split("/") if part)
    if any(part in (".", "..") for part in parts):
        raise BadRequest("The URL of a place leads back by . or ..", "Name the folder itself.")
    if not _HOSTS[scheme].fullmatch(host):
        raise BadRequest(f"The URL names nothing that {scheme}:// could be.", f"Name one like {EXAMPLES}.")
    if scheme is Scheme.HUB and not (parts and _REPO.fullmatch(parts[0])):
        raise BadRequest("The URL names no repository of the hub.", "Name it: hf://user/repo.")
    if scheme in (Scheme.FILE, Scheme.SSH) and not parts:
        raise BadRequest("The URL names no folder.", f"Name one like {EXAMPLES}.")
    return Place(scheme, host, parts)


def is_allowed(place: Place, allowed: Iterable[str]) -> bool:
    """Whether it lies in one of the places of a list. Raises BadRequest for a list that holds something else."""
    return any(place.within(parse(one)) for one in allowed)
