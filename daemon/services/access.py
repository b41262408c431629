"""What each RPC takes of a person: which right, and to what. A test holds it to the contract: an RPC that is not
declared here is nobody's but the owner's.

The owner, and whoever has the right admin, are not asked. What a person is not to know of is not there for them: what
names it is answered as what names nothing. Lists and watches are filtered where they are read (`daemon.state.seen`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from daemon.caller import Right
from daemon.database.store import caller_of
from daemon.services.about import About, AdminsOnly, AtAll, JobOf, PersonOf, RunOf, VoiceOf, takes_admin
from daemon.state import jobs, seen
from daemon.state.quotas import Resource
from proto import myna_pb2 as pb
from proto.messages import import_spec

SPEAK, READ, TRAIN, ADMIN, OWN, SEE = Right.SPEAK, Right.READ, Right.TRAIN, Right.ADMIN, Right.OWN, seen.SEE


def _nothing(_request: Any) -> Iterable[About]:
    return ()


@dataclass(frozen=True)
class Rule:
    """Of an RPC. `right`: what of it a person has to have at all; `about`: what a request names; `act`: it is written
    down; `at_once`: of what a person may only have so many open at once (None: as many as they like)."""

    right: Right = Right.NONE
    about: Callable[[Any], Iterable[About]] = _nothing
    act: bool = False
    at_once: Resource | None = None


def named(rule: Rule, request: Any) -> str:
    """What a request is about, for the log."""
    return ", ".join(filter(None, map(str, rule.about(request))))[:200]


def check(session: Session, rule: Rule, request: Any) -> None:
    """Whether the session's caller may ask that. Raises NotAllowed, and NotFound for what they are not to know of."""
    if not caller_of(session).everything:
        if rule.right & ADMIN:
            raise takes_admin(session, "ask for this")
        for one in (AtAll(rule.right), *rule.about(request)):
            one.check(session)


# ------------------------------------------------------------------------------------------ how an object is found


def _voice(right: Right, *fields: str) -> Callable[[Any], Iterable[About]]:
    """The voices in these fields; one that is empty names none (a list of all of them is filtered)."""
    named = fields or ("voice",)
    return lambda request: [VoiceOf(name, right) for field in named if (name := getattr(request, field))]


def _always(right: Right) -> Callable[[Any], Iterable[About]]:
    """The voice in `voice`, be it empty."""
    return lambda request: [VoiceOf(request.voice, right)]


def _perhaps_new(right: Right) -> Callable[[Any], Iterable[About]]:
    """The voice in `voice`, which may still be to come."""
    return lambda request: [VoiceOf(request.voice, right, new=True)]


def _new(request: Any) -> Iterable[About]:
    return [VoiceOf(request.voice, TRAIN, new=True)] if request.voice else []


class JobAgain(JobOf):
    """A job that is to go on, or to be tried again: the voices that it takes from may not be shared any more."""

    def check(self, session: Session) -> None:
        super().check(session)
        for one in _taken_from(pb.JobSpec.FromString(jobs.get(session, self.id).spec)):
            one.check(session)


def _job(request: Any) -> Iterable[About]:
    return [JobOf(request.id, TRAIN)]


def _again(request: Any) -> Iterable[About]:
    return [JobAgain(request.id, TRAIN)]


def _reordered(request: pb.ReorderRequest) -> Iterable[About]:
    return [JobOf(id, TRAIN) for id in (request.id, request.before) if id]


def _run(request: Any) -> Iterable[About]:
    return [RunOf(request.id if hasattr(request, "id") else request.run, READ)]


def _sample(request: pb.SampleRequest) -> Iterable[About]:
    return [RunOf(request.run, READ)] if request.run else [VoiceOf(request.voice, READ)]


def _merge(request: pb.MergeRequest) -> Iterable[About]:
    return [*(VoiceOf(name, READ) for name in request.voices), VoiceOf(request.into, TRAIN, new=True)]


def _purge(request: pb.PurgeRequest) -> Iterable[About]:
    return [VoiceOf(request.voice, OWN) if request.voice else AdminsOnly("delete packages of every voice")]


def _spoken(spec: pb.SpeakSpec) -> Iterable[About]:
    heard = [VoiceOf(spec.voice, READ)] if spec.references else []  # which recordings there are is to be read
    like = dict.fromkeys(one.convert.voice for one in spec.after if one.HasField("convert"))
    return [VoiceOf(spec.voice, SPEAK), *heard, *(VoiceOf(name, SPEAK) for name in like)]


def _said(spec: pb.SpeakSpec) -> Iterable[About]:
    """As `_spoken`; a recording that is here already is somebody's, whose call it came with."""
    return [AdminsOnly("convert what was sent by others")] if spec.recording else _spoken(spec)


def _converted(part: pb.ConvertPart) -> Iterable[About]:
    like = dict.fromkeys(one.convert.voice for one in part.spec.after if one.HasField("convert"))
    return [VoiceOf(name, SPEAK) for name in like]


def _person(request: Any) -> Iterable[About]:
    return [PersonOf(request.name)]


def _given(request: Any) -> Iterable[About]:
    return [VoiceOf(request.voice, OWN), PersonOf(request.person)]


def _taken_from(spec: pb.JobSpec) -> Iterable[About]:
    """What a job speaks with or takes from, besides the voice that it changes."""
    match spec.WhichOneof("spec"):
        case "speak":
            return _spoken(spec.speak)
        case "export":
            return [VoiceOf(spec.export.voice, READ)]
        case "push":
            return [VoiceOf(spec.push.voice, READ)]
        case "evaluate":
            return [VoiceOf(against, READ)] if (against := spec.evaluate.against_voice) else []
        case "derive":
            return [VoiceOf(spec.derive.parent, READ)]
    return []


def _priced(request: pb.PriceRequest) -> Iterable[About]:
    if request.WhichOneof("what") == "evaluate":
        return [VoiceOf(request.evaluate.voice, READ), *_taken_from(pb.JobSpec(evaluate=request.evaluate))]
    return [VoiceOf(request.speak.voice, SPEAK)]


def _submitted(request: pb.SubmitRequest) -> Iterable[About]:
    spec, which = request.spec, request.spec.WhichOneof("spec")
    if request.priority > 0:
        return [AdminsOnly("go ahead of others by a priority above 0")]
    match which:
        case None:
            return []
        case "speak":
            return _said(spec.speak)
        case "export":
            return _taken_from(spec)
        case "evaluate":
            return [VoiceOf(spec.evaluate.voice, TRAIN), *_taken_from(spec)]
        case "push":
            return [VoiceOf(spec.push.voice, TRAIN)]
        case "pull":
            named = spec.pull.voice
            return [VoiceOf(named, TRAIN, new=True)] if named else [AdminsOnly("pull without naming the voice")]
        case "derive":
            return [*_taken_from(spec), AtAll(TRAIN), VoiceOf(spec.derive.voice, TRAIN, new=True)]
        case "import":
            asked = import_spec(spec)
            return [AdminsOnly("take in what was sent by others")] if asked.path else [VoiceOf(asked.voice, TRAIN)]
        case "ingest" if spec.ingest.kept:
            return [AdminsOnly("take what lies in recordings/")]
        case "ingest" | "dataset" | "train":
            return [VoiceOf(getattr(spec, which).voice, TRAIN)]
    return [AdminsOnly(f"submit jobs of the kind {which}")]


#: by "Service.Method"
RULES: dict[str, Rule] = {
    "Jobs.Submit": Rule(SEE, _submitted, act=True),
    "Jobs.Get": Rule(SEE, lambda request: [JobOf(request.id, Right.NONE)]),
    "Jobs.List": Rule(SEE),
    "Jobs.Watch": Rule(SEE),
    "Jobs.Cancel": Rule(SEE, _job, act=True),
    "Jobs.Pause": Rule(SEE, _job, act=True),
    "Jobs.Resume": Rule(SEE, _again, act=True),
    "Jobs.Retry": Rule(SEE, _again, act=True),
    "Jobs.Reorder": Rule(SEE, _reordered, act=True),
    "Jobs.Clear": Rule(SEE, lambda request: [JobOf(id, TRAIN) for id in request.ids], act=True),
    "Jobs.Logs": Rule(SEE, lambda request: [JobOf(request.id, Right.NONE)]),
    "Runs.Checkpoints": Rule(READ, _run),
    "Runs.Get": Rule(READ, _run),
    "Runs.List": Rule(READ),
    "Runs.Points": Rule(READ, _run),
    "Runs.WatchPoints": Rule(READ, _run),
    "Voices.List": Rule(SEE),
    "Voices.Get": Rule(SEE, _always(SEE)),
    "Voices.Create": Rule(TRAIN, lambda request: [VoiceOf(request.name, TRAIN, new=True)], act=True),
    "Voices.DeleteVoice": Rule(OWN, _always(OWN), act=True),
    "Voices.RestoreVoice": Rule(OWN, _always(OWN), act=True),
    "Voices.RenameVoice": Rule(OWN, _always(OWN), act=True),
    "Voices.SetConsent": Rule(TRAIN, _perhaps_new(TRAIN), act=True),
    "Voices.ConsentNotes": Rule(READ, _perhaps_new(READ)),
    "Voices.Versions": Rule(READ, _always(READ)),
    "Voices.Promote": Rule(TRAIN, _always(TRAIN), act=True),
    "Voices.Rollback": Rule(TRAIN, _always(TRAIN), act=True),
    "Voices.Delete": Rule(TRAIN, _always(TRAIN), act=True),
    "Voices.Purge": Rule(OWN, _purge, act=True),
    "Voices.Compare": Rule(READ, _voice(READ, "voice", "voice_b")),
    "Voices.Rate": Rule(TRAIN, _always(TRAIN), act=True),
    "Voices.Unrate": Rule(TRAIN, _always(TRAIN), act=True),
    "Voices.Ratings": Rule(READ, _always(READ)),
    "Voices.Undecided": Rule(READ, _voice(READ)),
    "Voices.Export": Rule(READ, _always(READ), act=True),
    "Voices.Import": Rule(TRAIN, _new, act=True, at_once=Resource.UPLOADS),
    "Datasets.List": Rule(READ, _voice(READ)),
    "Datasets.Wanted": Rule(READ, _always(READ)),
    "Datasets.Get": Rule(READ, _always(READ)),
    "Datasets.Clips": Rule(READ, _always(READ)),
    "Datasets.Review": Rule(READ, _always(READ)),
    "Datasets.SetClip": Rule(TRAIN, _always(TRAIN), act=True),
    "Datasets.ClipFile": Rule(READ, _always(READ)),
    "Datasets.Recordings": Rule(READ, _always(READ)),
    "Datasets.Remove": Rule(TRAIN, _always(TRAIN), act=True),
    "Datasets.Restore": Rule(TRAIN, _always(TRAIN), act=True),
    "Datasets.Upload": Rule(TRAIN, _new, act=True, at_once=Resource.UPLOADS),
    "Datasets.Export": Rule(READ, _always(READ), act=True),
    "Datasets.Import": Rule(TRAIN, _new, act=True, at_once=Resource.UPLOADS),
    "Datasets.Merge": Rule(TRAIN, _merge, act=True),
    "Datasets.Calibrate": Rule(READ, _always(READ)),
    "Datasets.Speakers": Rule(READ, _always(READ)),
    "Datasets.ChooseSpeaker": Rule(TRAIN, _always(TRAIN), act=True),
    "Experiments.Start": Rule(TRAIN, _always(TRAIN), act=True),
    "Experiments.List": Rule(READ, _voice(READ)),
    "Experiments.Get": Rule(READ, _always(READ)),
    "Experiments.Cancel": Rule(TRAIN, _always(TRAIN), act=True),
    "Experiments.Apply": Rule(TRAIN, _always(TRAIN), act=True),
    "Costs.Get": Rule(READ, _voice(READ)),
    "Costs.GetBudget": Rule(READ, _always(READ)),
    "Costs.SetBudget": Rule(OWN, _always(OWN), act=True),
    "Speech.Synthesize": Rule(SPEAK, lambda request: _said(request.spec), act=True),
    "Speech.Convert": Rule(SPEAK, _converted, act=True, at_once=Resource.UPLOADS),
    "Speech.Sample": Rule(READ, _sample),
    "Speech.Transcribe": Rule(SPEAK, act=True, at_once=Resource.TRANSCRIPTIONS),
    "Speech.Price": Rule(SPEAK, _priced),
    "System.Info": Rule(SEE),
    "System.Watch": Rule(SEE),
    "System.Estimate": Rule(TRAIN, lambda request: [VoiceOf(request.spec.voice, TRAIN)]),
    "System.Doctor": Rule(ADMIN),
    "System.Metrics": Rule(ADMIN),
    "System.Idle": Rule(ADMIN),
    "System.Accept": Rule(ADMIN, act=True),
    "System.Adopt": Rule(ADMIN, act=True),
    "System.Shutdown": Rule(ADMIN, act=True),
    "Notices.List": Rule(ADMIN),
    "Notices.Test": Rule(ADMIN, act=True),
    "People.Add": Rule(ADMIN, _person, act=True),
    "People.List": Rule(),
    "People.CreateToken": Rule(ADMIN, _person, act=True),
    "People.Revoke": Rule(ADMIN, _person, act=True),
    "People.Acts": Rule(ADMIN),
    "People.Share": Rule(OWN, _given, act=True),
    "People.Usage": Rule(),
    "People.Give": Rule(OWN, _given, act=True),
    "Upkeep.Backup": Rule(ADMIN, act=True),
    "Upkeep.Snapshots": Rule(ADMIN),
    "Upkeep.Verify": Rule(ADMIN),
    "Upkeep.Check": Rule(ADMIN),
    "Upkeep.Clean": Rule(ADMIN, act=True),
}
#: of what the contract does not know
STANDARD = Rule()
NOBODYS = Rule(ADMIN)


def of(method: str) -> Rule:
    """The rule of "/myna.v1.Jobs/Submit"; health and reflection are everybody's."""
    service, _, name = method.lstrip("/").partition("/")
    package, _, short = service.rpartition(".")
    return RULES.get(f"{short}.{name}", NOBODYS) if package == "myna.v1" else STANDARD
