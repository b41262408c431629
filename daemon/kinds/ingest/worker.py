"""Taking files out of the inbox in a worker, without ever losing one.

A recording is copied byte for byte, synced, decoded whole and put under its hash before it is reported; the original is
unlinked only after the daemon has acknowledged that, and only if it is still the file that was copied. Whatever happens
between any two of these steps, the next attempt finds the original in the inbox and takes it again: the same bytes are
one recording.

A file that lies in `recordings/` already, of a database that was lost, is hashed, decoded and reported where it is
(`myna adopt`).

One file at a time is decoded, and mynad is told which: if the worker dies, it died of that one. The next attempt takes
all others first and then that one alone; if it dies again, the file is refused.

Must not import torch: ten thousand small files are taken by a few short-lived workers.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from daemon import settings
from daemon.home import journal
from daemon.inbox import subtitles
from daemon.inbox.folder import BehindALink, InboxFolder, NotAFile
from daemon.inbox.subtitles import wire_cues
from daemon.inbox.transcripts import BadTranscript, keep, read_metadata, read_transcript
from daemon.kinds.ingest.copying import Identity, copy_synced
from daemon.kinds.ingest.count import Count
from daemon.kinds.ingest.originals import Originals
from daemon.kinds.ingest.sidecars import Sidecar, Sidecars
from daemon.machine.disk_space import DiskSpace
from daemon.names import is_metadata, is_text, printable
from daemon.worker.job import Channel
from engines.audio.container import NAMES, sniff
from engines.audio.decode import RecordingFacts, probe_and_decode
from engines.errors import BadInput, DiskFull
from engines.files import disk_full_is_a_sentence, make_folder, sync_folder
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

T = TypeVar("T")

#: Files handled at once. Nearly all of the time goes into waiting for the disk, and waits that come together are one
#: write to it: sixteen threads sync a file in a tenth of the time that one takes.
THREADS = 16
#: Files handed to the threads at a time.
CHUNK = 128
#: Deaths after which a file is refused. The first may have been the machine's fault (no memory), or that of what ran
#: beside it.
DEATHS = 2
#: Bytes; bigger files are looked at before they are copied.
BIG = 64_000_000
#: Where copies are made; on the file system of their final place. Swept when mynad starts.
INCOMING = ".incoming"


def run(plan: wire.IngestPlan, channel: Channel) -> str:
    """Take the plan's files. A file that cannot be taken is refused or left with a sentence, and stops no other."""
    return _Ingest(plan, channel).run()


class _Ingest:
    def __init__(self, plan: wire.IngestPlan, channel: Channel) -> None:
        self.channel = channel
        self.voice = plan.voice
        self.folder = InboxFolder(channel.home, plan.voice)
        self.recordings = channel.home / "recordings"
        self.incoming = self.recordings / INCOMING
        self.min_free = settings.load(channel.home).min_free_disk
        self.count = Count()
        self.originals = Originals(self.folder, channel, self.count)
        self.sidecars = Sidecars()
        self.files = list(dict.fromkeys(plan.files))
        self.kept = list(plan.kept)
        self.used: set[bytes] = set()  #: transcripts whose text the daemon has stored
        self._listening = threading.Lock()
        self._decoding = threading.Lock()

    def run(self) -> str:
        with disk_full_is_a_sentence("the folder for recordings"):
            make_folder(self.incoming)
        audio = []
        for file in self.files:
            if is_text(file) or is_metadata(file):
                self._read_sidecar(file)
            else:
                audio.append(file)
        deaths = {file: self._deaths(file) for file in audio}
        whole = [file for file in audio if not deaths[file]]
        with ThreadPoolExecutor(THREADS) as pool:
            self._each(pool, whole, self._take, printable)
            self._each(pool, self.kept, self._take_in, lambda kept: kept.name)
        for file in (file for file in audio if deaths[file]):
            if deaths[file] < DEATHS:
                self._take(file)
            else:
                sentence = (
                    f"Decoding it ended the worker {deaths[file]} times, the last time with no other file at hand."
                )
                self.originals.refuse(file, sentence, "Export it again as WAV or FLAC.", None)
        for sidecar in self.sidecars:
            self._keep(sidecar)
        return self.count.sentence()

    def _each(
        self, pool: ThreadPoolExecutor, files: Sequence[T], take: Callable[[T], None], name: Callable[[T], str]
    ) -> None:
        """Take files side by side, and look what the daemon wants between some of them and the next."""
        done = 0
        for start in range(0, len(files), CHUNK):
            self._check()
            for file, _ in zip(some := files[start : start + CHUNK], pool.map(take, some), strict=True):
                done += 1
                self.channel.progress(done, len(files), "files", name(file))

    def _check(self) -> None:
        """What the daemon wants, asked by any thread: while one waits here, so do the others."""
        with self._listening:
            self.channel.check()

    def _deaths(self, file: bytes) -> int:
        """How many workers died of the file, if it is still the one they died of."""
        if not self.channel.deaths:
            return 0
        try:
            return self.channel.deaths.get(Identity.of(self.folder.facts(file)).key(file), 0)
        except OSError:
            return 0

    def _decode(self, copy: Path, key: bytes) -> RecordingFacts:
        """See probe_and_decode; mynad knows by the key what is being decoded."""
        with self._decoding:
            self._check()
            self.channel.report(wire.Report(at=wire.At(what=key)))
            try:
                return probe_and_decode(copy, self._check)
            finally:
                self.channel.report(wire.Report(at=wire.At()))

    # ------------------------------------------------------------------------------------------------ transcripts

    def _read_sidecar(self, file: bytes) -> None:
        try:
            if is_metadata(file):
                metadata = read_metadata(self.folder, file)
                self.sidecars.add(Sidecar(file, metadata=metadata))
                if metadata.bad_lines:
                    lines = ", ".join(map(str, metadata.bad_lines[:10]))
                    self.channel.log(
                        "warning", f"{printable(file)}: lines without an id and a text are skipped: {lines}."
                    )
            else:
                text, cues = read_transcript(self.folder, file)
                self.sidecars.add(Sidecar(file, text, cues=cues))
        except BadTranscript as error:
            self.originals.refuse(file, error.sentence, error.hint, None)
        except FileNotFoundError:
            self.channel.log("info", f"{printable(file)} is not there any more.")
        except OSError as error:
            self.originals.leave(file, error)

    def _keep(self, sidecar: Sidecar) -> None:
        """Move a sidecar away once its text is stored; that of a refused recording waits for a better copy. A
        metadata.csv is the daemon's to move: it knows what is still missing."""
        if sidecar.metadata is not None or sidecar.file not in self.used:
            return
        try:
            with disk_full_is_a_sentence("a transcript"):
                keep(self.channel.home, self.folder, sidecar.file)
        except FileNotFoundError:
            return
        except OSError as error:
            self.originals.leave(sidecar.file, error)

    # ------------------------------------------------------------------------------------------------ recordings

    def _take(self, file: bytes) -> None:
        """One file, from the inbox to its row. Raises DiskFull, and what the channel raises."""
        self._check()
        work = Path(tempfile.mkdtemp(dir=self.incoming))
        try:
            copied = self._copy(file, work)
            if copied is None:
                return
            copy, identity, sha256 = copied
            try:
                facts = self._decode(copy, identity.key(file))
            except BadInput as error:
                self.originals.refuse(file, str(error), error.hint, identity)
                return
            except MemoryError:
                self.originals.leave(file, OSError(errno.ENOMEM, "there is not enough memory to decode it now"))
                return
            except OSError as error:
                self.originals.leave(file, error)
                return
            with disk_full_is_a_sentence(printable(file)):
                place = self._place(copy, sha256)
            self._report(file, place, sha256, identity, facts)
            self.originals.take_away(file, identity)
            self.count.taken += 1
            self.count.seconds += facts.seconds
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _copy(self, file: bytes, work: Path) -> tuple[Path, Identity, str] | None:
        """Copy to a folder of its own, under its own name, synced: (copy, what was copied, SHA-256). None: refused or
        left."""
        try:
            original = self.folder.open(file)
        except FileNotFoundError:
            self.channel.log("info", f"{printable(file)} is not there any more.")
            return None
        except BehindALink:
            self.originals.leave(file, OSError("it lies behind a link, and links are not followed"))
            return None
        except NotAFile:
            self.originals.refuse(file, f"{printable(file)} is no ordinary file.", "Drop the recording itself.", None)
            return None
        except PermissionError:
            self.originals.refuse(
                file,
                f"{printable(file)} may not be read.",
                "Give the daemon's user permission to read it (chmod a+r).",
                None,
            )
            return None
        except OSError as error:
            self.originals.leave(file, error)
            return None
        with original:
            before = os.fstat(original.fileno())
            if (
                before.st_size > BIG and not (kind := sniff(original)).format
            ):  # maybe a hole of terabytes: not copied to find that out
                sentence = f"{printable(file)} is not a recording: it is {kind.looks_like}."
                self.originals.refuse(
                    file, sentence, "Drop wav, flac, mp3, ogg, opus, m4a, aac or webm.", Identity.of(before)
                )
                return None
            self._check_room(file, before.st_size)
            copy = work / os.fsdecode(os.path.basename(file))
            try:
                with disk_full_is_a_sentence(printable(file)):
                    sha256 = copy_synced(original, copy, self._check)
            except OSError as error:
                self.originals.leave(file, error)
                return None
            after = Identity.of(os.fstat(original.fileno()))
        identity = Identity.of(before)
        if after != identity or copy.stat().st_size != identity.size or not self.originals.is_still(file, identity):
            self.originals.leave(file, OSError(f"{printable(file)} changed while it was copied"))
            return None
        return copy, identity, sha256

    def _check_room(self, file: bytes, size: int) -> None:
        if missing := DiskSpace(self.recordings, self.min_free).missing(size):
            raise DiskFull(
                f"The disk has no room for {printable(file)}: {max(missing / 1e6, 0.1):.1f} MB are missing.",
                "Free some space; the files wait in the inbox and are taken by themselves then.",
            )

    def _place(self, copy: Path, sha256: str) -> Path:
        """Move the copy under its hash; the name is on the disk when this returns. The ending is that of the
        content."""
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
        sidecar = self.sidecars.of(file)
        kept = pb.KeptRecording(sha256=sha256, path=str(place.relative_to(self.channel.home)), name=printable(file))
        if sidecar is not None:
            kept.has_text, kept.text, kept.text_from = True, sidecar[1], printable(os.path.basename(sidecar[0].file))
            kept.cues.extend(wire_cues(sidecar[0].cues))
        self._commit(file, kept, identity.size, facts, sidecar[0].file if sidecar else b"")
        if sidecar is not None:
            self.used.add(sidecar[0].file)

    def _commit(
        self, file: bytes, kept: pb.KeptRecording, size: int, facts: RecordingFacts, text_file: bytes = b""
    ) -> None:
        """Write the recording into the journal, and have its row committed."""
        text = kept.text if kept.has_text else None
        entry = journal.Entry(
            self.voice, kept.sha256, kept.name, text, kept.text_from, cues=subtitles.stored(kept.cues)
        )
        journal.add(self.channel.home, [entry])
        taken = wire.RecordingTaken(
            file=file,
            name=kept.name,
            sha256=kept.sha256,
            path=kept.path,
            seconds=facts.seconds,
            sample_rate=facts.sample_rate,
            channels=facts.channels,
            codec=facts.codec,
            has_text=kept.has_text,
            text=kept.text,
            text_from=kept.text_from,
            text_file=text_file,
            size=size,
            note=" ".join(facts.notes),
            cues=kept.cues,
        )
        self.channel.commit(wire.Report(taken=taken))

    # ------------------------------------------------------------------------------------------- what lies here already

    def _take_in(self, kept: pb.KeptRecording) -> None:
        """One file of `recordings/` that has no row: left where it is, whatever comes of it."""
        place = self.channel.home / kept.path
        shown = f"{kept.path} ({kept.name})"
        try:
            with open(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
                size, sha256 = os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()
            if sha256 != kept.sha256:
                self._pass_over(f"{shown} is not what its name says: its bytes have changed")
                return
            if self.channel.deaths.get(kept.sha256.encode(), 0) >= DEATHS:
                self._pass_over(f"{shown} cannot be decoded: workers died of it")
                return
            facts = self._decode(place, kept.sha256.encode())
        except (OSError, BadInput) as error:
            self._pass_over(f"{shown} cannot be taken in ({error})")
            return
        self._commit(b"", kept, size, facts)
        self.count.taken += 1
        self.count.seconds += facts.seconds

    def _pass_over(self, sentence: str) -> None:
        self.channel.log("warning", f"{sentence}; it stays where it is.")
        self.count.left.append(sentence)
