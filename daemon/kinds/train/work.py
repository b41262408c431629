"""What a train spec comes to: the voice, its engine, the dataset, the version it goes on from, and the settings; or why
it cannot be trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from daemon.database.models import Dataset, Run, Version, Voice
from daemon.errors import BadRequest, NotNow
from daemon.state import clip_refs, engines, paging, voices
from daemon.state.values import VersionKind
from engines import registry
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.training import settings
from proto import myna_pb2 as pb

if TYPE_CHECKING:
    from engines.base import EngineInfo, Learning


@dataclass(frozen=True)
class Work:
    """What a train spec comes to, with the database as it is now."""

    voice: Voice
    info: EngineInfo
    learning: Learning
    data: Dataset
    parent: Version | None  #: None: the engine's base

    @property
    def title(self) -> str:
        start = voices.said(self.voice.name, self.parent.number if self.parent is not None else 0)
        return f"train {self.voice.name} from {start} on dataset #{self.data.number}"


def work_of(session: Session, spec: pb.TrainSpec) -> Work:
    """What the spec comes to. Raises NotFound, BadRequest or NotNow, with what is missing."""
    voice = voices.get(session, spec.voice)
    info = info_of(voice.engine)
    engines.require(info, Capability.LEARNS)
    learning = registry.learning(info)
    if voices.language(voice.language) not in info.languages:
        known = ", ".join(info.languages)
        raise BadRequest(
            f"The engine {info.name} does not know the language {voice.language!r}.",
            f"It knows {known}: see `myna engines`.",
        )
    data = clip_refs.dataset(session, voice.name, spec.dataset)
    parent = _parent(session, voice, getattr(spec, "from"))
    if parent is not None and parent.engine != voice.engine:
        sentence = (
            f"{voices.spelt(voice.name, parent.number)} is of the engine {parent.engine}, and the "
            f"voice is now of {voice.engine}."
        )
        raise BadRequest(sentence, f"Train from the base: `myna train {voice.name} --from base`.")
    if parent is None and data.seconds < learning.min_seconds:
        short = learning.min_seconds - data.seconds
        need = f"{voice.name} needs {math.ceil(short)} s more audio"
        raise NotNow(
            f"{need}: a first training of {info.name} takes {learning.min_seconds:g} s.",
            f"Add recordings: `myna add {voice.name} FILES…`.",
        )
    if not data.clips:
        raise NotNow(
            f"Dataset #{data.number} of {voice.name} has no clips to train on.",
            f"`myna clips {voice.name} --dropped` says why.",
        )
    return Work(voice, info, learning, data, parent)


def info_of(engine: str) -> EngineInfo:
    """The engine with this name. Raises BadRequest when there is none."""
    info = registry.ENGINES.get(engine)
    if info is None:
        raise BadRequest(f"There is no engine named {engine!r}.", f"Use one of: {', '.join(registry.ENGINES)}.")
    return info


def settings_of(session: Session, work: Work, options: pb.TrainOptions) -> dict[str, Any]:
    """The voice's own training options (voice.toml), with the job's over them, by the names of `TrainSettings`. Raises
    BadRequest."""
    before = (
        session.get(Run, work.parent.run) if work.parent is not None and work.parent.kind == VersionKind.LORA else None
    )
    try:
        given = {name: settings.read(name, text) for name, text in options.engine.items()}
        for field, value in options.ListFields():
            if field.name != "engine":
                given.setdefault(field.name, value)
        values = voices.option(work.voice, "train")
        if given.get("lora_rank") == 0:  # the voice's own settings of adapters say nothing then
            values = {name: value for name, value in values.items() if not name.startswith("lora_")}
        return settings.overrides(
            {**values, **given},
            work.info,
            before.settings.get("lora") if before is not None else None,
            first=work.parent is None,
        )
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None


def _parent(session: Session, voice: Voice, chosen: str) -> Version | None:
    if not chosen:
        # A voice that moved to another engine starts anew there
        speaks = voices.promoted(session, voice)
        return speaks if speaks is not None and speaks.engine == voice.engine else None
    if chosen == "base":
        return None
    number = paging.whole(chosen.removeprefix("v"))
    if number is None:
        raise BadRequest(f"There is no version {chosen!r} to train from.", 'Give a version number, or "base".')
    return voices.usable(session, voice.name, number)
