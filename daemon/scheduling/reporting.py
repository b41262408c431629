"""Where what attempts report goes, and where their workers come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon.database.store import Store
from daemon.kinds.lifecycle import Lifecycle
from daemon.machine.gpu import Gpus
from daemon.processes.workers import Workers
from daemon.scheduling.blame import Blame
from daemon.scheduling.speech import Speech
from daemon.state.events import EventHub
from daemon.state.logs import Logs
from daemon.state.runs import PointHub


@dataclass(frozen=True)
class Reporting:
    """The same for every attempt of a mynad."""

    home: Path
    store: Store
    lifecycle: Lifecycle
    workers: Workers
    speech: Speech
    events: EventHub
    points: PointHub
    logs: Logs
    blame: Blame
    gpus: Gpus
