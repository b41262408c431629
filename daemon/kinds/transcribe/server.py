"""Transcribing, the daemon's side: which recogniser hears, and whether it is here. There are no rows: what is heard
goes to whoever asked, and is kept nowhere."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon.database.models import Job
from daemon.errors import BadRequest, NotNow
from daemon.home import heard_files
from daemon.kinds.kind import GpuNeed, Kind
from daemon.state.voices import language
from engines import recognisers
from engines.recognisers import Recogniser
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Start  # by name: a kind has an attribute called wire

#: Characters of a prompt, at most.
LONGEST_PROMPT = 1_000


class Transcribe(Kind):
    """See `daemon.kinds.kind.Kind`. Such a job belongs to no voice."""

    name = "transcribe"
    wire = pb.TRANSCRIBE
    priority = 300  #: somebody waits for it
    resumable = False
    cancel_grace = 5.0

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.transcribe
        sound = heard_files.path(self.home, asked.file)
        if not sound.is_file():
            raise NotNow("The sound file that was sent is not there any more.", "Send it again.")
        asked.recogniser = asked.recogniser or Recogniser.WHISPER
        asked.language = language(asked.language).lower()
        if not 0.0 <= asked.temperature <= 1.0:
            raise BadRequest("The temperature must be from 0 to 1.", "Leave it out: then it is 0.")
        if len(asked.prompt) > LONGEST_PROMPT:
            raise BadRequest(f"The prompt has more than {LONGEST_PROMPT:,} characters.", "Give its last sentences.")
        self._check_recogniser(asked)
        return "", f"transcribe {sound.stat().st_size / 1e6:.1f} MB of sound by {asked.recogniser}"

    def why_not(self, session: Session, job: Job) -> str:
        return self.disk.why_not()

    def gpu_memory(self, session: Session, job: Job) -> GpuNeed:
        return GpuNeed()

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).transcribe
        self._check_recogniser(asked)
        sound = heard_files.path(self.home, asked.file)
        folder = recognisers.whisper_folder(self.home / "weights")
        plan = wire.TranscribePlan(spec=asked, sound=str(sound), heard=str(heard_files.heard(sound)))
        plan.whisper = str(folder or "")
        return Start(transcribe=plan)

    def _check_recogniser(self, asked: pb.TranscribeSpec) -> None:
        """Raises BadRequest for one that there is not, NotNow for one that is not here."""
        match asked.recogniser:
            case Recogniser.WHISPER:
                if recognisers.whisper_folder(self.home / "weights") is None:
                    raise NotNow("There is no Whisper model here.", recognisers.how_to_get(self.home / "weights"))
            case Recogniser.POCKETSPHINX:
                if not recognisers.hears_weakly(asked.language or recognisers.SPHINX[0]):
                    raise BadRequest(f"PocketSphinx does not hear {asked.language!r} here.", "It hears English.")
            case _:
                choices = ", ".join(Recogniser)
                raise BadRequest(f"There is no recogniser named {asked.recogniser[:40]!r}.", f"Use one of: {choices}.")
