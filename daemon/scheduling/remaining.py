"""How long trainings at work still take: by their own steps, and by what runs like them took."""

from __future__ import annotations

from sqlalchemy.orm import Session

from daemon.database.models import Run
from daemon.errors import MynaError
from daemon.kinds.train import foresight, past_runs
from daemon.kinds.train.foresight import Prior, Tick
from daemon.state import clip_refs
from engines import registry
from engines.errors import EngineError

#: looks of a training that are kept: beyond that, every second one of the older half goes
KEPT = 2_000


class Course:
    """How far one attempt at a training has come, look by look."""

    def __init__(self) -> None:
        self._ticks: list[Tick] = []
        self._planned = 0
        self.seconds = 0.0  #: at work, pauses left out
        self.prior: Prior | None = None  #: None: not asked for yet

    def look(self, seconds: float, step: int, planned: int, lines: int = 0) -> None:
        """So many seconds later it is at that step of those planned (0: before its first, or after its last, when so
        many lines are to be spoken and heard)."""
        self.seconds += seconds
        self._planned = planned or self._planned
        self._ticks.append(Tick(self.seconds, step, lines))
        if len(self._ticks) > KEPT:
            half = KEPT // 2
            self._ticks = [self._ticks[0], *self._ticks[1:half:2], *self._ticks[half:]]

    @property
    def before(self) -> float | None:
        """Seconds until the loop's first step; None: it is to come."""
        return next((tick.seconds for tick in self._ticks if tick.step), None)

    @property
    def left(self) -> float | None:
        """Seconds to the end of its job; None: not known."""
        if not self._planned:
            return None
        return foresight.remaining(self._ticks, self._planned, self.prior or Prior())


def prior(session: Session, run: int) -> Prior:
    """What runs like this one took."""
    row = session.get(Run, run)
    info = registry.ENGINES.get(row.engine) if row is not None else None
    if row is None or info is None:
        return Prior()
    try:
        data = clip_refs.dataset(session, row.voice, row.dataset)
        past = past_runs.like(session, info, row.settings)
        wanted = past_runs.wanted(session, info, data, row.from_version, row.settings, row.steps)
        return foresight.prior(past.runs, wanted)
    except (MynaError, EngineError):  # it has no dataset any more, or settings that its engine takes no more
        return Prior()
