"""One package, from its stream to the home."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

from daemon.home import journal
from daemon.kinds.ingest.copying import SYNCED
from daemon.machine.disk_space import DiskSpace
from daemon.package import manifest
from daemon.package.archive import BadPackage, Member, Reader
from daemon.package.manifest import Header, Manifest
from daemon.worker.job import Channel
from engines import registry
from engines.audio.container import NAMES, sniff
from engines.audio.decode import probe_and_decode
from engines.errors import BadInput, DiskFull
from engines.files import TEMPORARY, make_folder, sync_file, sync_folder, write_whole
from engines.language import without_region
from proto import worker_pb2 as wire

#: How many times bigger than the package its files may be. Silence is compressed to next to nothing, speech never is.
RATIO = 1_000
#: Bytes that the files of any package may have.
ALWAYS = 256 << 20
#: Folder of recordings/ that has the manifests of packages that were taken in, by their SHA-256.
PACKAGES = "packages"
#: Seconds by which a clip's file may differ from what is said of it.
TOLERANCE = 0.1


class Unpacking:
    """Files come to `aside`, a folder of their own, until all are known to be right."""

    def __init__(self, file: BinaryIO, plan: wire.UnpackPlan, channel: Channel, aside: Path, min_free: int) -> None:
        self.plan = plan
        self.channel = channel
        self.aside = aside
        self.min_free = min_free
        self.packed_size = os.fstat(file.fileno()).st_size
        self.reader = Reader(file)

    def run(self) -> str:
        """All of it. Raises BadPackage and BadInput for what is not taken, DiskFull. Returns what was in it."""
        header = manifest.read_header(self.reader)
        self._check_voice(header)
        found = manifest.read_manifest(self.reader, header)
        self._check_size(found)
        self._read(found)
        self._check_sounds(found)
        data = found.dataset
        for member in sorted(found.files.values(), key=lambda member: member.name):
            self._place(member)
        for folder in sorted({(self.channel.home / name).parent for name in found.files}):
            sync_folder(folder)
        self._keep(header, found)
        journal.add(self.channel.home, journal.Entry.given(self.plan.voice, data))
        self.channel.commit(wire.Report(unpacked=data))
        clips = sum(one.clip.kept for one in data.clips)
        return (
            f"The package has dataset #{data.number} of {data.voice}: {len(data.recordings)} recordings, {clips} clips."
        )

    def _keep(self, header: Header, found: Manifest) -> None:
        """The manifest stays: it tells what came from where, also of what a person changes later."""
        place = self.channel.home / "recordings" / PACKAGES / f"{header.manifest.sha256}.json"
        if not place.is_file():
            make_folder(place.parent)
            write_whole(place, found.body, "a package's manifest")

    # ------------------------------------------------------------------------------------- before anything is written

    def _check_voice(self, header: Header) -> None:
        if not self.plan.language:
            try:
                info = registry.info(header.engine)
            except BadInput as error:
                raise BadPackage(f"It is of a voice of an engine that is not here. {error}", error.hint) from None
            if without_region(header.language) not in info.languages:
                raise BadPackage(f"{info.name} does not speak the language it names ({header.language[:20]!a}).")
        elif without_region(self.plan.language) != without_region(header.language):
            raise BadPackage(
                f"It is in {header.language[:20]!a}, and {self.plan.voice} speaks {self.plan.language}.",
                "Import it under another name: `myna import FILE --voice NAME`.",
            )

    def _check_size(self, found: Manifest) -> None:
        if found.size > max(ALWAYS, RATIO * self.packed_size):
            raise BadPackage(
                f"It claims to hold {found.size / 1e9:.1f} GB in {self.packed_size / 1e6:.1f} MB: that is no speech."
            )
        if missing := DiskSpace(self.channel.home, self.min_free).missing(found.size):
            raise DiskFull(
                f"The disk has no room for the package: {max(missing / 1e6, 0.1):.1f} MB are missing.",
                "Free some space, then import it again.",
            )

    # ------------------------------------------------------------------------------------- unpacked aside, and checked

    def _read(self, found: Manifest) -> None:
        """Every file, held against the manifest. Those that the home has already are only checked."""
        seen: set[str] = set()
        done = 0
        while (following := self.reader.next()) is not None:
            name, size = following
            member = found.files.get(name)
            if name in seen:
                raise BadPackage(f"It has {name[:120]!a} twice in it.")
            if member is None:
                raise BadPackage(f"It has a file in it that its manifest does not name ({name[:120]!a}).")
            if size != member.size:
                raise BadPackage(f"{name} has {size:,} bytes in it, and its manifest says {member.size:,}.")
            seen.add(name)
            self.channel.progress(done, found.size, "bytes", name)
            self._write(member)
            done += size
        if left := found.files.keys() - seen:
            raise BadPackage(f"{len(left)} files that its manifest names are not in it, {min(left)} among them.")

    def _write(self, member: Member) -> None:
        place = self.aside / member.name
        place.parent.mkdir(parents=True, exist_ok=True)
        digest, waiting = hashlib.sha256(), 0
        with place.open("xb") as out:
            for piece in self.reader.pieces():
                self.channel.check()
                digest.update(piece)
                out.write(piece)
                waiting += len(piece)
                if waiting >= SYNCED:
                    waiting = 0
                    out.flush()
                    os.fdatasync(out.fileno())
            out.flush()
            if digest.hexdigest() != member.sha256:
                raise BadPackage(f"{member.name} is not what the manifest says: its SHA-256 is another one.")
            if self._is_here(member):
                out.truncate(0)  # it need not be written twice
            else:
                os.fsync(out.fileno())

    def _check_sounds(self, found: Manifest) -> None:
        """What the manifest says of the sounds is what they are: rows are never made of hearsay."""
        data, sounds = found.dataset, {one.path: one for one in found.dataset.recordings}
        for number, one in enumerate(data.recordings):
            self.channel.progress(number, len(data.recordings), "recordings", one.name)
            path = self._where(found.files[one.path])
            with path.open("rb") as file:
                ending = NAMES[form][1][0] if (form := sniff(file).format) else ""
            if ending != path.suffix:
                raise BadPackage(f"{one.path} is not a sound of the kind that its name says.")
            facts = probe_and_decode(path, self.channel.check)
            one.seconds, one.sample_rate, one.channels = facts.seconds, facts.sample_rate, facts.channels
            one.codec, one.size = facts.codec, path.stat().st_size
        for packed in data.clips:
            self.channel.check()
            clip = packed.clip
            if clip.path and clip.path not in sounds:
                _check_clip(self._where(found.files[clip.path]), clip, data.engine)

    # ------------------------------------------------------------------------------------------------------ into place

    def _is_here(self, member: Member) -> bool:
        """Whether the home has the file. A sound is named by its SHA-256: with its size, it is what it is."""
        place = self.channel.home / member.name
        return place.is_file() and (member.name.startswith("features/") or place.stat().st_size == member.size)

    def _where(self, member: Member) -> Path:
        return (self.channel.home if self._is_here(member) else self.aside) / member.name

    def _place(self, member: Member) -> None:
        """Move a file to where it belongs, be that on another disk. Done twice is done once."""
        if self._is_here(member):
            return
        source, target = self.aside / member.name, self.channel.home / member.name
        make_folder(target.parent)
        source.chmod(0o644)
        try:
            source.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            beside = target.with_name(f"{TEMPORARY}{target.name}")
            shutil.copyfile(source, beside)
            sync_file(beside)
            beside.replace(target)


def _check_clip(path: Path, clip: wire.CutClip, engine: str) -> None:
    import soundfile

    try:
        facts = soundfile.info(path)
    except (OSError, soundfile.LibsndfileError):
        raise BadPackage(f"{clip.path} is no sound.") from None
    seconds = facts.frames / facts.samplerate
    if facts.format != "FLAC" or facts.channels != 1 or abs(seconds - (clip.end - clip.start)) > TOLERANCE:
        raise BadPackage(f"{clip.path} is not the clip that its manifest says.")
    known = registry.ENGINES.get(engine)
    if known is not None and facts.samplerate != known.sample_rate:
        raise BadPackage(f"{clip.path} has {facts.samplerate} Hz; clips of {engine} have {known.sample_rate}.")
