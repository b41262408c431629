"""What every package begins with: `package.json` (a few lines: what this is and for whom) and `manifest.json` (every
file with its size and SHA-256, and what they are). What the second says of a dataset: `daemon.package.manifest`; of a
version: `daemon.package.version`.

Whoever reads one trusts nothing of it: names are held against the few forms that a home has, so that none leads
elsewhere, and every digest is held against what comes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from daemon.package import consent
from daemon.package.archive import BadPackage, Member, Reader
from daemon.package.formats import Content

HEADER, MANIFEST = "package.json", "manifest.json"
FORMAT = "myna-package"
#: Raise it when an older Myna would make something wrong of a package.
VERSION = 1
#: Bytes of the two, at most: a hundred thousand clips are some 60 MB.
HEADER_LIMIT, MANIFEST_LIMIT = 64 << 10, 128 << 20
#: Files of a package, at most.
FILES_LIMIT = 500_000
#: In the manifest, what the files are.
_ABOUT = {Content.DATASET: "dataset", Content.VERSION: "about"}
_SHA256 = re.compile(r"[0-9a-f]{64}")

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Whose:
    """Of which voice what is in a package comes."""

    voice: str
    language: str
    engine: str


@dataclass(frozen=True)
class Header:
    """The first file of a package."""

    content: Content
    whose: Whose
    manifest: Member


@dataclass(frozen=True)
class Body:
    """The second one, before anything is made of it."""

    files: dict[str, Member]  #: by name
    table: dict[str, Any]
    written: bytes  #: as it came


def written(
    content: Content, whose: Whose, files: Iterable[Member], about: Mapping[str, Any], note: Mapping[str, Any]
) -> Iterator[tuple[Member, bytes]]:
    """The two JSON files of a package, in their order. `about`: what the files are; `note`: the voice's consent note,
    empty where there is none. The same gives the same bytes."""
    listed = [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in files]
    noted = {consent.TABLE: note} if note else {}
    body = _json({"version": VERSION, "files": listed, _ABOUT[content]: about, **noted})
    manifest = Member(MANIFEST, len(body), hashlib.sha256(body).hexdigest())
    head = _json(
        {
            "format": FORMAT,
            "kind": content.value,
            "version": VERSION,
            "voice": whose.voice,
            "language": whose.language,
            "engine": whose.engine,
            "manifest": {"size": manifest.size, "sha256": manifest.sha256},
        }
    )
    yield Member(HEADER, len(head), hashlib.sha256(head).hexdigest()), head
    yield manifest, body


def read_header(reader: Reader) -> Header:
    """The first member. Raises BadPackage, also for a package of a newer Myna."""
    if (first := reader.next()) is None or first[0] != HEADER:
        refuse(f"It is no package of Myna: it does not begin with {HEADER}.")
    found = table(reader.whole(HEADER_LIMIT, HEADER), HEADER)
    if found.get("format") != FORMAT:
        refuse(f"It is no package of Myna: {HEADER} names another format.")
    version = found.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        refuse(f"Its {HEADER} names no version of the format.")
    if version > VERSION:
        raise BadPackage(
            f"It was written by a newer Myna (format {version}; this one reads up to {VERSION}).",
            "Bring this Myna up to date, then import it again.",
        )
    if found.get("kind") not in list(Content):
        refuse("It holds no dataset and no version.")
    manifest = found.get("manifest")
    if not isinstance(manifest, dict):
        refuse(f"Its {HEADER} does not tell of a manifest.")
    words = [found.get(name) for name in ("voice", "language", "engine")]
    if not all(isinstance(word, str) and 0 < len(word) <= 200 for word in words):
        refuse(f"Its {HEADER} does not tell voice, language and engine.")
    whose = Whose(str(words[0]), str(words[1]), str(words[2]))
    return Header(Content(found["kind"]), whose, _member({**manifest, "name": MANIFEST}, lambda name: True))


def read_body(reader: Reader, header: Header, is_place: Callable[[str], bool]) -> Body:
    """The second member. `is_place`: whether a file of that name can be in a package of the kind. Raises BadPackage."""
    following = reader.next()
    if following is None or following[0] != MANIFEST:
        refuse(f"Its second file is not {MANIFEST}.")
    body = reader.whole(MANIFEST_LIMIT, "manifest")
    if hashlib.sha256(body).hexdigest() != header.manifest.sha256:
        refuse("Its manifest is not the one that it was written with (another SHA-256).")
    found = table(body, MANIFEST)
    listed = found.get("files")
    if not isinstance(listed, list) or len(listed) > FILES_LIMIT:
        refuse(f"Its manifest has no list of files, or one of more than {FILES_LIMIT:,}.")
    files: dict[str, Member] = {}
    for one in listed:
        member = _member(one, is_place)
        if member.name in files:
            refuse(f"Its manifest names {member.name} twice.")
        files[member.name] = member
    return Body(files, found, body)


def content_of(body: Body, header: Header, empty: M) -> M:
    """What the manifest says that the files are, as the message that it was written from. Raises BadPackage."""
    about = body.table.get(_ABOUT[header.content])
    if not isinstance(about, dict):
        refuse(f"Its manifest has no {header.content}.")
    try:
        found: M = json_format.ParseDict(about, empty)
    except (json_format.ParseError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise BadPackage(f"Its manifest cannot be read: {ascii(str(error))[:200]}.") from None
    named: Any = found
    if Whose(named.voice, named.language, named.engine) != header.whose:
        refuse("Its two first files do not agree on whose voice it is.")
    return found


def table(body: bytes, name: str) -> dict[str, Any]:
    """A file of JSON that is a table. Raises BadPackage."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        refuse(f"Its {name} is not JSON.")
    return found


def is_sha256(text: object) -> bool:
    """Whether it is written as one."""
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


def refuse(sentence: str) -> NoReturn:
    """Raises BadPackage."""
    raise BadPackage(sentence) from None


def _member(found: Any, is_place: Callable[[str], bool]) -> Member:
    if not isinstance(found, dict):
        refuse("Its manifest lists what is no file.")
    name, size, sha256 = found.get("name"), found.get("size"), found.get("sha256")
    if not isinstance(name, str) or not isinstance(sha256, str) or not is_sha256(sha256):
        refuse("Its manifest lists a file without a name or a SHA-256.")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 50:
        refuse(f"Its manifest lists a file of a size that cannot be ({ascii(name)[:120]}).")
    if not is_place(name):
        refuse(f"Its manifest lists a file that no home has a place for ({ascii(name)[:120]}).")
    return Member(name, size, sha256)


def _json(table: dict[str, Any]) -> bytes:
    return (json.dumps(table, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
