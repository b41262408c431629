"""What the manifest of a version's package says: the version, and its files: `version/NAME` (its own folder) and
`samples/CLIP.wav` (the lines that it spoke when it was scored).

What comes is made anew from the few things that are known of a version, each of them checked: nothing else that
somebody wrote into its `version.json` gets into a home.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from google.protobuf import json_format

from daemon.names import printable
from daemon.package import consent
from daemon.package.archive import Member, Reader
from daemon.package.formats import Content
from daemon.package.header import Header, Whose, content_of, is_sha256, read_body, refuse
from daemon.package.header import written as first_files
from daemon.state.values import VersionKind, value_of
from engines.own_sound import OwnSound
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

OWN, SAMPLES = "version", "samples"  #: folders in a package
ABOUT = "version.json"
WEIGHTS = ".safetensors"
#: What lies in a version's folder and is this home's alone: whose it is, and that it was purged.
STAYS = frozenset({"identity.json", "purged.json"})
#: What may be said of its sound.
SOUND = frozenset(field.name for field in fields(OwnSound))
#: Bytes of a file that holds no tensors, and of a wav, at most.
TEXT_LIMIT, SAMPLE_LIMIT = 32 << 20, 64 << 20
#: Characters of a name, of a verdict, and entries of a lineage, at most.
NAME_LIMIT, WORDS_LIMIT, LINEAGE_LIMIT = 200, 10_000, 1_000
_OWN = re.compile(r"version/([A-Za-z0-9][A-Za-z0-9_.-]{0,63}\.(safetensors|json|md))")
_SAMPLE = re.compile(r"samples/[0-9a-f]{64}(\.[0-9]{1,3})?\.wav")


@dataclass(frozen=True)
class Manifest:
    """A version's."""

    files: dict[str, Member]  #: by name
    version: wire.PackedVersion
    body: bytes  #: as it came
    consent: pb.ConsentNote | None = None  #: of the voice

    @property
    def weights(self) -> dict[str, Member]:
        """By their names in the version's folder."""
        own = {name.partition("/")[2]: member for name, member in self.files.items()}
        return {name: member for name, member in own.items() if name.endswith(WEIGHTS)}


def is_place(name: str) -> bool:
    """Whether a file of that name can be in a package."""
    own = _OWN.fullmatch(name)
    return own[1] not in STAYS if own is not None else _SAMPLE.fullmatch(name) is not None


def written(
    files: Iterable[Member], version: wire.PackedVersion, note: pb.ConsentNote | None = None
) -> Iterator[tuple[Member, bytes]]:
    """The two JSON files of a package, in their order; `note` is the voice's consent note. The same version gives the
    same bytes."""
    noted = consent.table(note or pb.ConsentNote())
    about = json_format.MessageToDict(version, preserving_proto_field_name=True)
    return first_files(Content.VERSION, Whose(version.voice, version.language, version.engine), files, about, noted)


def read_manifest(reader: Reader, header: Header) -> Manifest:
    """The second member. Raises BadPackage."""
    body = read_body(reader, header, is_place)
    version = content_of(body, header, wire.PackedVersion())
    _check(version)
    found = Manifest(body.files, version, body.written, consent.read(body.table))
    if not found.weights or f"{OWN}/{ABOUT}" not in body.files:
        refuse(f"Its manifest lists no weights, or no {ABOUT}.")
    for member in body.files.values():
        limit = SAMPLE_LIMIT if member.name.startswith(f"{SAMPLES}/") else TEXT_LIMIT
        if member.size > limit and not member.name.endswith(WEIGHTS):
            refuse(f"Its file {member.name} has {member.size:,} bytes; {limit:,} are the most.")
    return found


def about_here(found: Mapping[str, Any], version: wire.PackedVersion, here: Mapping[str, Any]) -> dict[str, Any]:
    """The version.json that a version gets which came from elsewhere: what its own one says of how it was trained, and
    `here`, what is so in this home. Raises BadPackage for one that is not the version's."""
    said = tuple(found.get(name) for name in ("voice", "version", "engine", "kind", "base"))
    if said != (version.voice, version.number, version.engine, version.kind, version.base):
        refuse(f"Its {ABOUT} and its manifest do not agree on which version it is.")
    result = _table(found, "result")
    numbers = {name: value for name, value in result.items() if _is_number(value)}
    losses = {name: _numbers(_table(result, name)) for name in ("best_losses", "start_losses", "base_losses")}
    words = {name: _words(result.get(name)) for name in ("ended",)}
    own = {name: there for name, there in _table(result, "sound").items() if name in SOUND and isinstance(there, bool)}
    return {
        "format": 1,
        "language": version.language,
        "engine": version.engine,
        "kind": version.kind,
        "base": version.base,
        "origin": _words(found.get("origin")),
        "created": version.created.ToDatetime().isoformat() + "+00:00",
        "machine": _words(found.get("machine")),
        "clips": _hashes(found.get("clips")),
        "held_out": _hashes(found.get("held_out")),
        "used": _numbers(_table(found, "used")),
        "settings": {name: value for name, value in _table(found, "settings").items() if _is_plain(value)},
        "result": {**numbers, **losses, **words, "sound": own},
        "from": {
            "voice": version.voice,
            "version": version.number,
            "lineage": list(version.lineage),
            "home": _words(found.get("home")),
            "run_uuid": _words(found.get("run_uuid")),
        },
        **here,
    }


def digest(weights: Mapping[str, str]) -> str:
    """Of all weights of a version, by the SHA-256 of each file: equal where they are the same."""
    lines = "".join(f"{name} {sha256}\n" for name, sha256 in sorted(weights.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _check(version: wire.PackedVersion) -> None:
    """What people are shown of it is short and can be printed, and numbers are numbers."""
    if version.number < 1 or not version.base or value_of(VersionKind, version.kind) is None:
        refuse("Its manifest does not tell which version it is: a number, a kind, and a base that it was trained on.")
    if len(version.lineage) > LINEAGE_LIMIT or len(version.verdict) > WORDS_LIMIT or len(version.metrics) > 1_000:
        refuse("Its manifest tells more of a version than there can be.")
    if not all(map(math.isfinite, version.metrics.values())):
        refuse("Its manifest has a score that is no number.")
    words = (
        version.licence,
        version.licence_url,
        version.base,
        version.base_weights,
        version.scored_on,
        *version.lineage,
        *version.metrics,
    )
    if any(len(one) > NAME_LIMIT for one in words):
        refuse("Its manifest has a name that is too long.")
    for field in ("licence", "licence_url", "base", "scored_on", "verdict"):
        setattr(version, field, printable(getattr(version, field).encode("utf-8", "surrogatepass")))
    version.lineage[:] = [printable(one.encode("utf-8", "surrogatepass")) for one in version.lineage]
    if not all(name.isprintable() for name in version.metrics):
        refuse("Its manifest has a score whose name is none.")


def _table(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return dict(found) if isinstance(found, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e15 < value < 1e15


def _is_plain(value: object) -> bool:
    """Whether it can be a setting: a number, a word, or a table or list of such."""
    if isinstance(value, dict):
        return all(isinstance(one, bool | int | float | str | list | None) and _is_plain(one) for one in value.values())
    if isinstance(value, list):
        return len(value) <= LINEAGE_LIMIT and all(isinstance(one, str) and _is_plain(one) for one in value)
    short = isinstance(value, str) and len(value) <= NAME_LIMIT
    return value is None or isinstance(value, bool) or _is_number(value) or short


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if _is_number(value)}


def _words(value: object) -> str:
    return printable(value.encode("utf-8", "surrogatepass"))[:WORDS_LIMIT] if isinstance(value, str) else ""


def _hashes(values: object) -> list[str]:
    return sorted(one for one in values if is_sha256(one)) if isinstance(values, list) else []
