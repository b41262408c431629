"""What makes work: recordings of several voices, again and again, and all that follows from them; trainings that are
cancelled, held and tried again; versions that are promoted, taken back, archived and purged; voices that come and
go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.soaking.callers import Caller
from benchmarks.soaking.house import RECORDINGS, House, Tally
from proto import myna_pb2 as pb
from proto.client import Client, ClientError, state_of

VOICES = ("anna", "bert", "carla")
LIVE = ("queued", "running", "paused")
ENDED = ("succeeded", "failed", "cancelled")
NAMES = tuple(sorted(path.stem for path in RECORDINGS.glob("d*.flac")))
#: recordings that come at once, that a voice has at most, and that a passing one gets
DROP, MOST, FIRST = 3, 12, 8
#: versions with weights that a voice has at most, beside the one that speaks
VERSIONS = 3
#: seconds in which all that follows from a drop is done, and without any job after which it is
PATIENCE, QUIET = 900.0, 15.0
SOUND = (".flac", ".wav", ".mp3")
#: a training that is long enough to be disturbed
LONG: dict[str, Any] = {"steps": 400, "checkpoint_every": 20, "eval_every": 200, "batch_size": 4, "patience": 0}
BAD: dict[str, bytes] = {
    "empty.wav": b"", "words.mp3": b"these are words, and no sound\n" * 40, "half.flac": b"fLaC" + bytes(range(200)),
}  # fmt: skip


def variation(name: str, number: int) -> Callable[[Path], None]:
    """Writes a recording of the demo that is not the same, to the bit, as another number's."""

    def write(path: Path) -> None:
        sound, rate = soundfile.read(RECORDINGS / f"{name}.flac", dtype="float32")
        chance = np.random.default_rng(number)
        changed = sound * chance.uniform(0.7, 1.0) + chance.normal(0.0, 2e-4, sound.shape)
        soundfile.write(path, np.clip(changed, -1.0, 1.0), rate, format="FLAC")

    return write


class Feeder(Caller):
    """Drops recordings, waits for what comes of them, and then does something with a voice or a training."""

    name = "work"
    pause = 12.0

    def __init__(self, house: House, tally: Tally, over: threading.Event, seed: int) -> None:
        super().__init__(house, tally, over, seed)
        self._turns, self._recordings = count(), count(1)

    def turn(self) -> None:
        number = next(self._turns)
        with self.house.client() as client:
            if number % 4 == 3:
                self._passing(client, f"guest-{number}")
            else:
                self._fed(client, VOICES[number % len(VOICES)], number)

    # ------------------------------------------------------------------------------------------------------- recordings

    def _fed(self, client: Client, voice: str, number: int) -> None:
        self._make_room(client, voice)
        self._drop(voice, DROP if number >= len(VOICES) else FIRST)
        if number % 2:
            self._bad(voice)
        self._settled(client, voice)
        for act in (self._versions, self._disturbed if number % 3 == 2 else self._judged):
            act(client, voice)

    def _drop(self, voice: str, many: int) -> None:
        for _ in range(many):
            number = next(self._recordings)
            name = NAMES[number % len(NAMES)]
            text = (RECORDINGS / f"{name}.txt").read_text(encoding="utf-8")
            self.house.drop(voice, f"{name}-{number}.flac", variation(name, number), text)
            self.did("recordings dropped")

    def _bad(self, voice: str) -> None:
        name = self.chance.choice(list(BAD))
        file = f"{Path(name).stem}-{next(self._recordings)}{Path(name).suffix}"
        self.house.drop(voice, file, lambda path: _bytes(path, BAD[name]), "")
        self.did("bad files dropped")

    def _make_room(self, client: Client, voice: str) -> None:
        """Take the oldest recordings out of the datasets of a voice that has many; bring one back now and then."""
        if voice not in {one.name for one in client.voices()}:
            return
        there = sorted(client.recordings(voice), key=lambda one: one.added.ToNanoseconds())
        for recording in there[: max(len(there) - MOST + DROP, 0)]:
            client.remove_recording(voice, recording.sha256)
            self.did("recordings taken out")
        removed = [one for one in client.recordings(voice, removed=True) if one.HasField("removed")]
        if removed and self.chance.random() < 0.3:
            client.restore_recording(voice, self.chance.choice(removed).sha256)
            self.did("recordings brought back")

    def _settled(self, client: Client, voice: str) -> None:
        """Wait until nothing of a voice is left to do."""
        began = quiet = time.monotonic()
        while time.monotonic() - quiet < QUIET:
            self.rest(1.0)
            if time.monotonic() - began > PATIENCE:
                waiting = [f"{job.title}: {state_of(job)}" for job in client.jobs(voice=voice, states=LIVE)]
                self.fault(f"{voice} was not done after {PATIENCE:.0f} s: {waiting[:3]}")
                return
            if self._lying(voice) or any(client.jobs(voice=voice, states=LIVE)):
                quiet = time.monotonic()
        self.did("drops done with")

    def _lying(self, voice: str) -> bool:
        """Whether something waits in its inbox."""
        return any(path.suffix in SOUND for path in (self.house.home / "inbox" / voice).iterdir())

    # --------------------------------------------------------------------------------------------------------- versions

    def _versions(self, client: Client, voice: str) -> None:
        """Promote one, take that back, archive and purge what is many."""
        versions = [one for one in client.versions(voice) if one.state in ("promoted", "candidate", "archived")]
        others = [one for one in versions if one.state != "promoted"]
        if others:
            client.promote(voice, self.chance.choice(others).number)
            self.did("promotions by hand")
            if self.chance.random() < 0.5:
                client.rollback(voice)
                self.did("promotions taken back")
        old = sorted(one.number for one in client.versions(voice) if one.state in ("archived", "rejected"))
        for number in old[:-VERSIONS]:
            try:
                client.purge(voice, [number])
                self.did("versions purged")
            except ClientError as error:  # another one is loaded onto it
                self.did(f"purges refused ({error.code})")

    def _judged(self, client: Client, voice: str) -> None:
        """Score a version again, and make a package of it."""
        versions = [one for one in client.versions(voice) if one.state != "purged"]
        if not versions:
            return
        number = self.chance.choice(versions).number
        job = client.submit(pb.EvaluateSpec(voice=voice, version=number))
        self._ended(client, job.id)
        size = sum(len(part.data) for part in client.export_voice(voice, number, "myna"))
        self.expect(size > 0, f"the package of {voice}@{number} is empty")
        self.did("versions scored again and exported")

    # -------------------------------------------------------------------------------------------------------- trainings

    def _disturbed(self, client: Client, voice: str) -> None:
        """A training that is held, goes on, is cancelled, tried again and cancelled for good."""
        try:
            job = client.train(voice, **LONG).id
        except ClientError as error:  # of a voice that has too little audio left
            if error.code != "FAILED_PRECONDITION":
                raise
            self.did(f"trainings refused ({error.code})")
            return
        if not self._works(client, job):
            return
        if self.chance.random() < 0.5:
            client.pause(job)
            self.rest(4.0)
            client.resume(job)
            self._works(client, job)
            self.did("trainings held")
        self._cancel(client, job)
        if self.chance.random() < 0.5:
            client.retry(job)
            self._works(client, job)
            self._cancel(client, job)
            self.did("trainings tried again")

    def _works(self, client: Client, job: int) -> bool:
        """Wait until it is at its steps; False: it has ended."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.rest(0.5)
            now = client.job(job)
            if state_of(now) in ENDED:
                self.fault(f"{now.title} {state_of(now)}: {now.status.failed.error.sentence}")
                return False
            if state_of(now) == "running" and now.status.running.progress.done >= 2:
                return True
        self.fault(f"job {job} did not run")
        return False

    def _cancel(self, client: Client, job: int) -> None:
        client.cancel(job)
        self._ended(client, job, "cancelled")
        self.did("trainings cancelled")

    def _ended(self, client: Client, job: int, *states: str) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            now = client.job(job)
            if state_of(now) in ENDED:
                wanted = states or ("succeeded",)
                self.expect(state_of(now) in wanted, f"{now.title} {state_of(now)}: {now.status.failed.error.sentence}")
                return
            self.rest(0.5)
        self.fault(f"job {job} did not end")

    # ------------------------------------------------------------------------------------------ voices that come and go

    def _passing(self, client: Client, voice: str) -> None:
        """A voice that is made, fed, trained, renamed, deleted, brought back and deleted again."""
        client.create_voice(voice, "en", "glow", consent="It is the demo's.")
        self._drop(voice, FIRST)
        self._settled(client, voice)
        self.expect(bool(list(client.versions(voice))), f"no version came of {voice}")
        client.rename_voice(voice, f"{voice}-x")
        client.delete_voice(f"{voice}-x")
        client.restore_voice(f"{voice}-x")
        client.delete_voice(f"{voice}-x")
        self.did("voices that came and went")


def _bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)
