"""Taking files out of the inbox in a worker, without ever losing one.

A recording is copied byte for byte, synced, decoded whole and put under its hash before it is reported; the original is unlinked only after
the daemon has acknowledged that, and only if it is still the file that was copied. Whatever happens between any two of these steps, the
next attempt finds the original in the inbox and takes it again: the same bytes are one recording.

Must not import torch: ten thousand small files are taken by a few short-lived workers.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from daemon import settings
from daemon.jobs import Channel
from daemon.names import is_metadata, is_text, printable, stem
from daemon.refused import refuse
from daemon.transcripts import BadTranscript, Metadata, keep, metadata_of, read_metadata, read_text
from engines.audio.container import NAMES, sniff
from engines.audio.decode import RecordingFacts, probe_and_decode
from engines.errors import BadInput, DiskFull
from engines.files import disk_full_is_a_sentence, make_folder, sync_folder
from proto import worker_pb2 as wire

#: Files handled at once. Nearly all of the time goes into waiting for the disk, and waits that come together are one write to it: sixteen
#: threads sync a file in a tenth of the time that one takes.
THREADS = 16
#: Files between two looks at what the daemon wants.
CHUNK = 128
#: Where copies are made; on the file system of their final place. Swept when mynad starts.
INCOMING = ".incoming"


@dataclass(frozen=True)
class Identity:
    """What must not have changed for a file to be the same as before."""

    inode: int
    size: int
    mtime: int  #: nanoseconds

    @classmethod
    def of(cls, found: os.stat_result) -> Identity:
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


@dataclass
class Count:
    """What came of the files."""

    taken: int = 0
    seconds: float = 0.0
    refused: int = 0
    left: list[str] = field(default_factory=list)  #: sentences on files that stay in the inbox for now

    def sentence(self) -> str:
        parts = [f"took {self.taken} ({self.seconds:.0f} s)"]
        if self.refused:
            parts.append(f"refused {self.refused}")
        if self.left:
            parts.append(f"left {len(self.left)} for later: {self.left[0]}")
        words = ", ".join(parts)
        return words[0].upper() + words[1:] + ("" if words.endswith(".") else ".")


@dataclass(frozen=True)
class Sidecar:
    """A transcript in the plan, read once."""

    file: bytes
    text: str = ""
    metadata: Metadata | None = None

    def text_of(self, recording: bytes) -> str | None:
        if self.metadata is None:
            return self.text
        return self.metadata.text_of(os.path.relpath(recording, os.path.dirname(self.file) or b"."))


def run(plan: wire.IngestPlan, channel: Channel) -> str:
    """Take the plan's files. A file that cannot be taken is refused or left with a sentence, and stops no other."""
    return _Ingest(plan, channel).run()


class _Ingest:
    def __init__(self, plan: wire.IngestPlan, channel: Channel) -> None:
        self.channel = channel
        self.voice = plan.voice
        self.folder = os.fsencode(channel.home / "inbox" / plan.voice)
        self.recordings = channel.home / "recordings"
        self.incoming = self.recordings / INCOMING
        self.min_free = settings.load(channel.home).min_free_disk
        self.count = Count()
        self.sidecars: dict[bytes, Sidecar] = {}
        self.files = list(dict.fromkeys(plan.files))
        self.used: set[bytes] = set()  #: transcripts whose text the daemon has stored

    def run(self) -> str:
        with disk_full_is_a_sentence("the folder for recordings"):
            make_folder(self.incoming)
        audio = []
        for file in self.files:
            if is_text(file) or is_metadata(file):
                self._read_sidecar(file)
            else:
                audio.append(file)
        done = 0
        with ThreadPoolExecutor(THREADS) as pool:
            for start in range(0, len(audio), CHUNK):
                self.channel.check()
                some = audio[start : start + CHUNK]
                for _ in pool.map(self._take, some):
                    done += 1
                    self.channel.progress(done, len(audio), "files", printable(some[min(done - start, len(some)) - 1]))
        for sidecar in self.sidecars.values():
            self._keep(sidecar)
        return self.count.sentence()

    # ------------------------------------------------------------------------------------------------ transcripts

    def _read_sidecar(self, file: bytes) -> None:
        path = os.path.join(self.folder, file)
        try:
            if is_metadata(file):
                metadata = read_metadata(path)
                self.sidecars[file] = Sidecar(file, metadata=metadata)
                if metadata.bad_lines:
                    lines = ", ".join(map(str, metadata.bad_lines[:10]))
                    self.channel.log("warning", f"{printable(file)}: lines without an id and a text are passed over: {lines}.")
            else:
                self.sidecars[file] = Sidecar(file, read_text(path))
        except BadTranscript as error:
            self._refuse(file, error.sentence, error.hint, None)
        except FileNotFoundError:
            self.channel.log("info", f"{printable(file)} is not there any more.")
        except OSError as error:
            self._leave(file, error)

    def _sidecar_of(self, file: bytes) -> tuple[Sidecar, str] | None:
        """The transcript that tells of a recording, and its text."""
        base = stem(file)
        for sidecar in (*self._beside(base), *(self.sidecars.get(place) for place in metadata_of(file))):
            if sidecar is not None and (text := sidecar.text_of(file)) is not None:
                return sidecar, text
        return None

    def _beside(self, base: bytes) -> Iterator[Sidecar | None]:
        for ending in (b".txt", b".lab", b".TXT", b".LAB"):
            yield self.sidecars.get(base + ending)

    def _keep(self, sidecar: Sidecar) -> None:
        """Move a sidecar away once its text is stored; that of a refused recording waits for a better copy. A metadata.csv is the
        daemon's to move: it knows what is still missing."""
        if sidecar.metadata is not None or sidecar.file not in self.used:
            return
        try:
            with disk_full_is_a_sentence("a transcript"):
                keep(self.channel.home, os.path.join(self.folder, sidecar.file))
        except FileNotFoundError:
            return

    # ------------------------------------------------------------------------------------------------ recordings

    def _take(self, file: bytes) -> None:
        """One file, from the inbox to its row. Raises DiskFull, and what the channel raises."""
        path = os.path.join(self.folder, file)
        work = Path(tempfile.mkdtemp(dir=self.incoming))
        try:
            copied = self._copy(file, path, work)
            if copied is None:
                return
            copy, identity, sha256 = copied
            try:
                facts = probe_and_decode(copy)
            except BadInput as error:
                self._refuse(file, str(error), error.hint, identity)
                return
            with disk_full_is_a_sentence(printable(file)):
                place = self._place(copy, sha256)
            self._report(file, place, sha256, identity, facts)
            _unlink(path, identity)
            self.count.taken += 1
            self.count.seconds += facts.seconds
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _copy(self, file: bytes, path: bytes, work: Path) -> tuple[Path, Identity, str] | None:
        """Copy to a folder of its own, under its own name, synced: (copy, what was copied, SHA-256). None: refused or left."""
        if os.path.realpath(os.path.dirname(path)) != os.path.join(os.path.realpath(self.folder), os.path.dirname(file)).rstrip(b"/"):
            self._refuse(file, "It lies behind a link, and links are not followed.", "Drop the recording itself.", None)
            return None
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            self.channel.log("info", f"{printable(file)} is not there any more.")
            return None
        except PermissionError:
            self._refuse(file, f"{printable(file)} may not be read.", "Give the daemon's user permission to read it (chmod a+r).", None)
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                self._refuse(file, f"{printable(file)} is no ordinary file.", "Drop the recording itself.", None)
            else:
                self._leave(file, error)
            return None
        with os.fdopen(descriptor, "rb") as original:
            before = os.fstat(original.fileno())
            if not stat.S_ISREG(before.st_mode):
                self._refuse(file, f"{printable(file)} is no ordinary file.", "Drop the recording itself.", None)
                return None
            self._check_room(file, before.st_size)
            copy = work / os.fsdecode(os.path.basename(file))
            try:
                with disk_full_is_a_sentence(printable(file)):
                    sha256 = _copy_synced(original, copy)
            except OSError as error:
                self._leave(file, error)
                return None
            after = Identity.of(os.fstat(original.fileno()))
        identity = Identity.of(before)
        if after != identity or copy.stat().st_size != identity.size or not _is_still(path, identity):
            self._leave(file, OSError(f"{printable(file)} changed while it was copied"))
            return None
        return copy, identity, sha256

    def _check_room(self, file: bytes, size: int) -> None:
        room = os.statvfs(self.recordings)
        free = room.f_bavail * room.f_frsize
        if free - size < self.min_free:
            missing = max((size + self.min_free - free) / 1e6, 0.1)
            raise DiskFull(
                f"The disk has no room for {printable(file)}: {missing:.1f} MB are missing.",
                "Make room; the files wait in the inbox, and are taken by themselves then.",
            )

    def _place(self, copy: Path, sha256: str) -> Path:
        """Move the copy under its hash; the name is on the disk when this returns. The ending is that of the content."""
        with copy.open("rb") as file:
            ending = NAMES[sniff(file).format][1][0]
        folder = self.recordings / sha256[:2]
        make_folder(folder)
        place = folder / f"{sha256}{ending}"
        copy.chmod(0o644)
        copy.replace(place)
        sync_folder(folder)
        return place

    def _report(self, file: bytes, place: Path, sha256: str, identity: Identity, facts: RecordingFacts) -> None:
        sidecar = self._sidecar_of(file)
        taken = wire.RecordingTaken(
            file=file,
            sha256=sha256,
            path=str(place.relative_to(self.channel.home)),
            seconds=facts.seconds,
            sample_rate=facts.sample_rate,
            channels=facts.channels,
            codec=facts.codec,
            has_text=sidecar is not None,
            text=sidecar[1] if sidecar else "",
            text_from=printable(os.path.basename(sidecar[0].file)) if sidecar else "",
            text_file=sidecar[0].file if sidecar else b"",
            size=identity.size,
            note=" ".join(facts.notes),
        )
        self.channel.commit(wire.Report(taken=taken))
        if sidecar is not None:
            self.used.add(sidecar[0].file)

    # ------------------------------------------------------------------------------------------------ what is not taken

    def _refuse(self, file: bytes, sentence: str, hint: str, identity: Identity | None) -> None:
        """Move a file to `.refused/`, unless it is another one by now."""
        path = os.path.join(self.folder, file)
        if identity is not None and not _is_still(path, identity):
            self._leave(file, OSError(f"{printable(file)} changed while it was read"))
            return
        self.channel.commit(wire.Report(refused=wire.FileRefused(file=file, sentence=sentence, hint=hint)))
        try:
            with disk_full_is_a_sentence("a refused file's reason"):
                refuse(self.folder, path, sentence, hint)
        except FileNotFoundError:
            return
        except OSError as error:
            self._leave(file, error)
            return
        self.channel.log("warning", f"{printable(file)} is refused: {sentence}")
        self.count.refused += 1

    def _leave(self, file: bytes, error: OSError) -> None:
        """Leave a file in the inbox; the daemon tries again later."""
        sentence = f"{printable(file)} could not be taken ({error.strerror or error})"
        self.channel.log("warning", f"{sentence}; it stays in the inbox.")
        self.count.left.append(sentence)


def _copy_synced(original: object, copy: Path) -> str:
    """Copy an open file; synced to the disk. Returns the SHA-256 of its bytes."""
    digest = hashlib.sha256()
    with copy.open("xb") as out:
        while data := original.read(1 << 20):  # type: ignore[attr-defined]
            digest.update(data)
            out.write(data)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _is_still(path: bytes, identity: Identity) -> bool:
    try:
        return Identity.of(os.lstat(path)) == identity
    except FileNotFoundError:
        return False


def _unlink(path: bytes, identity: Identity) -> None:
    """Take the original away, if it is what was copied. Another file under its name will be taken by itself."""
    if _is_still(path, identity):
        os.unlink(path)
