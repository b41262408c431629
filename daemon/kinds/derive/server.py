"""Making a voice from another one's clips, the daemon's side: whether that can be asked for, the rows of what is made,
the dataset and what follows from it.

The voice has its row from the moment it is asked for, so that its name is taken; what its parent's newest dataset was
then is what it is made from.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from daemon import names
from daemon.database.models import Job
from daemon.errors import BadRequest, NotNow
from daemon.home.voice_folders import in_the_way
from daemon.kinds.dataset import following
from daemon.kinds.derive import words
from daemon.kinds.kind import FollowUp, Kind
from daemon.state import clip_refs, datasets, derived, events, voices
from daemon.state.values import Level
from engines.errors import BadInput
from engines.traits import TRAITS
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire
from proto.worker_pb2 import Report, Start  # by name: a kind has an attribute called wire


class Derive(Kind):
    """See `daemon.kinds.kind.Kind`. A job belongs to the voice that it makes."""

    name = "derive"
    wire = pb.DERIVE
    priority = 200
    grows = True
    exclusive = "recordings"
    commits = frozenset({"made"})

    def check(self, session: Session, spec: pb.JobSpec) -> tuple[str, str]:
        asked = spec.derive
        parent = voices.get(session, asked.parent)
        names.check_voice(asked.voice)
        try:
            traits = derived.traits_of(asked)
        except BadInput as error:
            raise BadRequest(str(error), error.hint) from None
        if not traits.changes:
            raise BadRequest(
                f"{asked.voice} would sound as {parent.name} does: nothing is to be changed.",
                f"Give at least one of {', '.join(TRAITS)}.",
            )
        voices.check_free(session, asked.voice)
        if (path := in_the_way(self.home, asked.voice)) is not None:
            raise NotNow(f"The folder {path} is there already.", "Move it away, or choose another name.")
        data = clip_refs.dataset(session, parent.name, asked.dataset)
        if not data.clips:
            hint = f"`myna clips {parent.name} --dropped` says why."
            raise NotNow(f"Dataset #{data.number} of {parent.name} has no clips to make a voice from.", hint)
        asked.dataset = data.number
        derived.begin(session, asked, traits)
        return asked.voice, f"derive {asked.voice} from {parent.name}'s dataset #{data.number}: {words.said(traits)}"

    def why_not(self, session: Session, job: Job) -> str:
        return self.disk.why_not()

    def plan(self, session: Session, job: Job) -> Start:
        asked = pb.JobSpec.FromString(job.spec).derive
        voice, traits = voices.get(session, asked.voice), derived.traits_of(asked)
        clips = [
            wire.ClipRef(
                sha256=clip.sha256,
                path=str(self.home / clip.path),
                text=text,
                language=voices.language(voice.language),
                seconds=clip.end - clip.start,
            )
            for clip, text in derived.missing(session, asked)
        ]
        plan = wire.DerivePlan(
            voice=voice.name,
            engine=voice.engine,
            clips=clips,
            pitch=traits.pitch,
            pace=traits.pace,
            liveliness=traits.liveliness,
        )
        return Start(derive=plan)

    def commit(self, session: Session, job: Job, report: Report) -> None:
        derived.store(session, pb.JobSpec.FromString(job.spec).derive, report.made)

    def finished(self, session: Session, job: Job) -> Sequence[FollowUp]:
        """What was reached, the voice's first dataset, and the training that follows from it."""
        asked = pb.JobSpec.FromString(job.spec).derive
        traits, reached = derived.traits_of(asked), derived.reached(session, asked.voice)
        left_out = len(derived.missing(session, asked))
        job.why = f"Measured against {asked.parent}'s clips: {words.compared(traits, reached)}."
        if left_out:
            job.why += f" {left_out} could not be made: the job's log says why."
        if reached.misses(traits):
            sentence = f"{asked.voice} did not come out as it was asked for: {words.compared(traits, reached)}."
            hint = f"Hear its clips (`myna clips {asked.voice}`) before you trust what is trained on them."
            events.notice(session, Level.WARNING, sentence, hint, asked.voice)
        made = datasets.build(session, asked.voice, job.id)
        if made is None:
            job.why += f" No dataset: none of its clips can be used. `myna clips {asked.voice} --dropped` says why."
            return ()
        job.why += f" {datasets.said(made)}"
        voice = voices.get(session, asked.voice)
        by_itself = self.settings.auto_train and bool(voice.options.get("auto_train", True))
        return following.training(session, job, made, self.settings) if by_itself else ()
