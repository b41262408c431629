"""Packages that somebody made to do harm, or that broke on the way: each is refused with a sentence, and nothing of it
is seen."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import furnished
import pytest
import zstandard
from repacked import changed, info, opened, packed
from sqlalchemy import select

from daemon.database.models import Recording
from daemon.database.store import Store
from daemon.package.archive import BadPackage, Member, Reader, Writer, header
from proto.messages import spec_of

pytestmark = pytest.mark.integration


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """The home, with room around it for what would lie beside it."""
    home = tmp_path / "around" / "home"
    home.mkdir(parents=True)
    return home


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good one, of another home."""
    there = Store(tmp_path_factory.mktemp("there"))
    furnished.give(there, "robin", range(1, 4), held=2)
    package = furnished.exported(there, "robin")
    there.close()
    return package


@pytest.fixture
def package(tmp_path: Path, good: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(good, tmp_path.parent))


def refused(store: Store, content: bytes, tmp_path: Path, voice: str = "robin") -> str:
    """Import it; the sentence of its refusal. Nothing has changed, and nothing lies anywhere."""
    file = tmp_path / "hostile.myna.tar.zst"
    file.write_bytes(content)
    before, there = furnished.everything(store), around(tmp_path)
    job = furnished.imported(store, file, voice)
    assert (job.state, job.error_kind) == ("failed", "bad-input"), job.why
    assert furnished.everything(store) == before
    assert around(tmp_path) == there
    assert job.error_hint
    return job.why


def around(tmp_path: Path) -> set[str]:
    """Every file in the home and beside it, its database aside."""
    found = (path for path in tmp_path.parents[1].rglob("*") if not path.is_dir())
    return {str(path) for path in found if "myna.db" not in path.name}


EVIL = b"evil"


@pytest.mark.parametrize(
    ("member", "sentence"),
    [
        (info("../evil", size=4), "leads out of its folder"),
        (info("recordings/../../../evil", size=4), "leads out of its folder"),
        (info("/tmp/evil", size=4), "absolute name"),
        (info("evil", size=4), "does not name"),
        (info("..\\evil", size=4), "does not name"),
        (info("./manifest.json", size=4), "does not name"),
        (info("a\nb\x1b[31m", size=4), "does not name"),
        (info("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a symbolic link"),
        (info("link", type=tarfile.LNKTYPE, linkname="package.json"), "a hard link"),
        (info("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "a device"),
        (info("disk", type=tarfile.BLKTYPE), "a device"),
        (info("pipe", type=tarfile.FIFOTYPE), "a named pipe"),
        (info("recordings", type=tarfile.DIRTYPE), "a folder"),
        (info("a" * 300, size=4), "an extended header"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else value.name[:20].encode().hex(),
)
def test_members_that_are_no_files_of_a_home_are_refused(
    store: Store, tmp_path: Path, package: Path, member: tarfile.TarInfo, sentence: str
) -> None:
    assert sentence in refused(store, packed(opened(package), (member, EVIL)), tmp_path)


def test_an_extended_header_of_any_length_is_refused_unread(store: Store, tmp_path: Path, package: Path) -> None:
    """Python's tarfile reads such a header into memory, however long it says it is."""
    long = info("x", pax_headers={"comment": "x" * 5_000_000}, size=4)
    content = packed(opened(package), (long, EVIL), format=tarfile.PAX_FORMAT)
    assert "an extended header" in refused(store, content, tmp_path)


def test_a_file_twice_is_refused(store: Store, tmp_path: Path, package: Path) -> None:
    found = opened(package)
    name = next(name for name in found if name.startswith("clips/"))
    sentence = refused(store, packed(found, (info(name, size=len(found[name])), found[name])), tmp_path)
    assert "twice" in sentence


def test_a_changed_file_is_refused_wherever_it_was_changed(store: Store, tmp_path: Path, package: Path) -> None:
    found = opened(package)
    for name in found:
        broken = {**found, name: found[name][:-2] + bytes([found[name][-2] ^ 1]) + found[name][-1:]}
        assert refused(store, packed(broken), tmp_path)


def test_a_file_that_is_missing_or_longer_is_refused(store: Store, tmp_path: Path, package: Path) -> None:
    found = opened(package)
    name = next(name for name in found if name.startswith("recordings/"))
    assert "are not in it" in refused(store, packed({k: v for k, v in found.items() if k != name}), tmp_path)
    assert "its manifest says" in refused(store, packed({**found, name: found[name] + b"x"}), tmp_path)


def test_a_package_cut_short_at_any_place_is_refused(store: Store, tmp_path: Path, package: Path) -> None:
    whole = package.read_bytes()
    for share in (0.0, 0.001, 0.3, 0.9, 0.999):
        assert refused(store, whole[: int(share * len(whole))], tmp_path)


def test_what_is_no_package_is_refused(store: Store, tmp_path: Path, package: Path) -> None:
    compress = zstandard.ZstdCompressor().compress
    wide = zstandard.ZstdCompressor(compression_params=zstandard.ZstdCompressionParameters(window_log=27))
    stream = io.BytesIO()
    with wide.stream_writer(stream, closefd=False) as writer:
        writer.write(bytes(1 << 20))
    cases = {
        b"RIFF....WAVE": "not compressed",
        b"": "cut short",
        compress(b"hello"): "cut short",
        compress(b"hello" * 1000): "no tar file",
        compress(bytes(100_000)): "package.json",
        packed({"manifest.json": b"{}"}): "package.json",
        packed({"package.json": b"[" * 60_000}): "not JSON",
        packed({"package.json": b"[]"}): "not JSON",
        packed({"package.json": b"{}"}): "another format",
        packed({"package.json": bytes(1 << 20)}): "are the most",
        stream.getvalue(): "memory",
    }
    for content, sentence in cases.items():
        assert sentence in refused(store, content, tmp_path)


def test_a_package_of_a_newer_myna_says_so(store: Store, tmp_path: Path, package: Path) -> None:
    found = changed(opened(package), lambda head: head.update(version=2), "package.json")
    assert "newer Myna (format 2" in refused(store, packed(found), tmp_path)


def training(table: dict[str, Any]) -> dict[str, Any]:
    """A clip that is not held out."""
    return next(one for one in table["dataset"]["clips"] if not one.get("held_out"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda table: table.update(files={}), "no list of files"),
        (lambda table: table["files"].append(table["files"][0]), "twice"),
        (lambda table: table["files"][0].update(name="../../evil"), "no home has a place for"),
        (lambda table: table["files"][0].update(name="/etc/passwd"), "no home has a place for"),
        (lambda table: table["files"][0].update(size=-1), "size that cannot be"),
        (lambda table: table["files"][0].update(size=True), "size that cannot be"),
        (lambda table: table["files"][0].update(sha256="x"), "without a name or a SHA-256"),
        (lambda table: table["files"].append({"name": f"recordings/aa/{'a' * 64}.wav", "size": 1, "sha256": "a" * 64}),
         "belongs to nothing"),
        (lambda table: table["files"].append({"name": f"features/xtts/{'a' * 64}.safetensors", "size": 1,
                                              "sha256": "a" * 64}), "belongs to nothing"),
        (lambda table: table.update(dataset=[]), "no dataset"),
        (lambda table: table["dataset"].update(evil=1), "cannot be read"),
        (lambda table: table["dataset"].update(voice="wren"), "do not agree"),
        (lambda table: table["dataset"]["recordings"].append(table["dataset"]["recordings"][0]), "twice"),
        (lambda table: table["dataset"]["recordings"][0].update(path="recordings/../../evil"), "not that of a sound"),
        (lambda table: table["dataset"]["recordings"][0].update(path="/etc/passwd"), "not that of a sound"),
        (lambda table: table["dataset"]["recordings"][0].update(sha256="b" * 64), "not that of a sound"),
        (lambda table: table["dataset"]["clips"][0].update(recording="c" * 64), "that it has not"),
        (lambda table: table["dataset"]["clips"][0]["clip"].update(end="NaN"), "begins and ends nowhere"),
        (lambda table: table["dataset"]["clips"][0]["clip"].update(start=9.0), "begins and ends nowhere"),
        (lambda table: training(table)["clip"].update(end=99.0), "not the clip"),
        (lambda table: table["dataset"]["clips"][0]["clip"].update(path=""), "not that of a sound"),
        (lambda table: table["dataset"]["holdouts"].append({"sha256": "../x", "held": True}), "means nothing"),
        (lambda table: table["dataset"].update(holdouts=[]), "held out without a mark"),
        (lambda table: table["dataset"]["recordings"][0].update(made_from="x"), "whether it was made"),
        (lambda table: table["dataset"]["recordings"][0].update(made_from="a" * 64), "whether it was made"),
        (lambda table: table["dataset"]["recordings"][0].update(name="n" * 5_000), "too long"),
        (lambda table: table["dataset"]["clips"][0]["clip"].update(text="t" * 70_000), "cannot be a clip's"),
        (lambda table: table["dataset"]["clips"][0]["clip"].update(quality={"snr_db": "NaN"}), "cannot be a clip's"),
        (lambda table: table["dataset"]["recordings"][0].update(cues=[{"start": "Infinity"}]), "no times"),
    ],
)  # fmt: skip
def test_a_manifest_that_lies_is_refused(
    store: Store, tmp_path: Path, package: Path, change: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    assert sentence in refused(store, packed(changed(opened(package), change)), tmp_path)


def test_names_that_would_steer_a_terminal_are_shown_as_the_inbox_shows_them(
    store: Store, tmp_path: Path, package: Path
) -> None:
    def name(table: dict[str, Any]) -> None:
        table["dataset"]["recordings"][0].update(name="a\x1b[31m\n.wav", note="\x07")

    file = tmp_path / "named.myna.tar.zst"
    file.write_bytes(packed(changed(opened(package), name)))
    assert furnished.imported(store, file, "robin").state == "succeeded"
    rows = store.read_now(lambda session: list(session.scalars(select(Recording))))
    assert "a\\x1b[31m\\n.wav" in [row.name for row in rows]
    assert all(row.name.isprintable() and row.note.isprintable() for row in rows)


def test_a_file_that_is_no_sound_is_refused_though_its_digest_is_right(
    store: Store, tmp_path: Path, package: Path
) -> None:
    found = opened(package)
    old = next(name for name in found if name.startswith("recordings/"))
    body = b"#!/bin/sh\nrm -rf ~\n"
    sha256 = hashlib.sha256(body).hexdigest()
    new = f"recordings/{sha256[:2]}/{sha256}.flac"
    text = json.dumps(json.loads(found["manifest.json"])).replace(old, new).replace(Path(old).stem, sha256)

    def swap(table: dict[str, Any]) -> None:
        table.update(json.loads(text))
        next(one for one in table["files"] if one["name"] == new).update(size=len(body), sha256=sha256)

    files = {new if name == old else name: body if name == old else content for name, content in found.items()}
    assert "not a sound of the kind" in refused(store, packed(changed(files, swap)), tmp_path)


def test_a_bomb_is_refused_before_it_is_unpacked(store: Store, tmp_path: Path, package: Path) -> None:
    def claim(table: dict[str, Any]) -> None:
        table["files"][0]["size"] = 1 << 40

    assert "that is no speech" in refused(store, packed(changed(opened(package), claim)), tmp_path)
    found = opened(package)
    name = next(name for name in found if name.startswith("clips/"))
    bomb = packed({**found, name: bytes(200_000_000)})
    assert len(bomb) < 1_000_000
    assert "has 200,000,000 bytes in it" in refused(store, bomb, tmp_path)


def test_what_does_not_fit_on_the_disk_is_no_fault_of_the_package(
    store: Store, tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon.machine.disk_space import DiskSpace

    spec = spec_of(furnished.sent(store, package, "robin"))
    monkeypatch.setattr(DiskSpace, "missing", lambda self, need=0, folder=None: 5_000_000 if need else 0)
    job = furnished.done(store, spec)
    assert (job.state, job.error_kind) == ("failed", "disk-full")
    assert "5.0 MB are missing" in job.why


def test_an_engine_that_is_not_here_is_named(store: Store, tmp_path: Path, package: Path) -> None:
    def other(table: dict[str, Any]) -> None:
        table["dataset"]["engine"] = "warble"

    found = changed(opened(package), other)
    found = changed(found, lambda head: head.update(engine="warble"), "package.json")
    assert "'warble'" in refused(store, packed(found), tmp_path)


def test_the_reader_reads_what_the_writer_writes() -> None:
    out, body = io.BytesIO(), b"x" * 1000
    writer = Writer(out)
    writer.add(Member("a", len(body), hashlib.sha256(body).hexdigest()), io.BytesIO(body))
    writer.add(Member("b", 0, hashlib.sha256(b"").hexdigest()), io.BytesIO(b""))
    writer.close()
    reader = Reader(io.BytesIO(out.getvalue()))
    assert reader.next() == ("a", 1000)
    assert b"".join(reader.pieces()) == body
    assert reader.next() == ("b", 0)
    assert reader.next() is None


def test_bytes_behind_the_end_are_refused() -> None:
    plain = header("a", 0) + bytes(1024) + b"more"
    reader = Reader(io.BytesIO(zstandard.ZstdCompressor().compress(plain)))
    assert reader.next() == ("a", 0)
    with pytest.raises(BadPackage, match="behind its end"):
        reader.next()
