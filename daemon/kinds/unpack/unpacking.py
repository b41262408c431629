"""A dataset's package, from its stream to the home."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from daemon.home import consent_file, journal
from daemon.home.consent_file import Note
from daemon.kinds.unpack.aside import Aside, move
from daemon.package import manifest
from daemon.package.archive import BadPackage, Member
from daemon.package.header import Header
from daemon.package.manifest import Manifest
from daemon.worker.job import Channel
from engines import registry
from engines.audio.container import NAMES, sniff
from engines.audio.decode import probe_and_decode
from engines.errors import BadInput
from engines.files import sync_folder
from engines.language import without_region
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

#: Seconds by which a clip's file may differ from what is said of it.
TOLERANCE = 0.1


def check_voice(plan: wire.UnpackPlan, header: Header) -> None:
    """Whether the voice can have it. Raises BadPackage."""
    whose = header.whose
    if not plan.language:
        try:
            info = registry.info(whose.engine)
        except BadInput as error:
            raise BadPackage(f"It is of a voice of an engine that is not here. {error}", error.hint) from None
        if without_region(whose.language) not in info.languages:
            raise BadPackage(f"{info.name} does not speak the language it names ({whose.language[:20]!a}).")
    elif without_region(plan.language) != without_region(whose.language):
        raise BadPackage(
            f"It is in {whose.language[:20]!a}, and {plan.voice} speaks {plan.language}.",
            "Import it under another name: `myna import FILE --voice NAME`.",
        )


def take_consent(note: pb.ConsentNote | None, plan: wire.UnpackPlan, channel: Channel) -> None:
    """The package's consent note becomes the voice's, unless that has one."""
    if note is not None and not plan.has_consent:
        note.voice = plan.voice
        when = note.time.ToDatetime(tzinfo=UTC).isoformat()
        consent_file.add(channel.home, [Note(note.voice, note.text, note.by, when)])
        channel.commit(wire.Report(consent_unpacked=note))


class Unpacking:
    """Files come aside until all are known to be right."""

    def __init__(self, plan: wire.UnpackPlan, channel: Channel, aside: Aside) -> None:
        self.plan = plan
        self.channel = channel
        self.aside = aside

    def run(self, header: Header) -> str:
        """All of it. Raises BadPackage and BadInput for what is not taken, DiskFull. Returns what was in it."""
        check_voice(self.plan, header)
        found = manifest.read_manifest(self.aside.reader, header)
        self.aside.read(found.files, self._is_here)
        self._check_sounds(found)
        data = found.dataset
        for member in sorted(found.files.values(), key=lambda member: member.name):
            if not self._is_here(member):
                move(self.aside.folder / member.name, self.channel.home / member.name)
        for folder in sorted({(self.channel.home / name).parent for name in found.files}):
            sync_folder(folder)
        self.aside.keep(header, found.body)
        journal.add(self.channel.home, journal.Entry.given(self.plan.voice, data))
        take_consent(found.consent, self.plan, self.channel)
        self.channel.commit(wire.Report(unpacked=data))
        clips = sum(one.clip.kept for one in data.clips)
        return (
            f"The package has dataset #{data.number} of {data.voice}: {len(data.recordings)} recordings, {clips} clips."
        )

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

    def _is_here(self, member: Member) -> bool:
        """Whether the home has the file. A sound is named by its SHA-256: with its size, it is what it is."""
        place = self.channel.home / member.name
        return place.is_file() and (member.name.startswith("features/") or place.stat().st_size == member.size)

    def _where(self, member: Member) -> Path:
        return (self.channel.home if self._is_here(member) else self.aside.folder) / member.name


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
