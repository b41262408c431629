"""The parts of a running mynad, and the services of the contract, each handed what it needs of them: the other half of
the composition root."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from daemon.database.store import Store
    from daemon.home.adopt import Adoption
    from daemon.idle.waiting import WaitingForIdleness
    from daemon.inbox.watcher import Inbox
    from daemon.kinds.lifecycle import Lifecycle
    from daemon.kinds.registry import Kinds
    from daemon.machine.disk_space import DiskSpace
    from daemon.machine.doctor import Doctor
    from daemon.machine.gpu import Gpus
    from daemon.machine.sampler import Machine
    from daemon.notices.post import Notices
    from daemon.processes.launcher import Launcher
    from daemon.scheduling.energy_meter import EnergyMeter
    from daemon.scheduling.scheduler import Scheduler
    from daemon.scheduling.speech import Speech
    from daemon.services.doorkeeper import Doorkeeper
    from daemon.settings import Settings
    from daemon.state.events import EventHub
    from daemon.state.logs import Logs
    from daemon.state.runs import PointHub
    from daemon.telemetry.meters import Meters


class Parts(ABC):
    """What a running mynad has. Made by `daemon.main.Daemon`; no part knows this class."""

    home: Path
    settings: Settings
    launcher: Launcher
    store: Store
    kinds: Kinds
    lifecycle: Lifecycle
    events: EventHub
    points: PointHub
    logs: Logs
    gpu: Gpus
    machine: Machine
    speech: Speech
    scheduler: Scheduler
    inbox: Inbox
    adoption: Adoption
    disk: DiskSpace
    meters: Meters
    notices: Notices
    energy: EnergyMeter
    powercap: Path  #: where the kernel tells what CPUs take
    keeper: Doorkeeper

    @abstractmethod
    def end(self, now: bool = False) -> None:
        """Leave."""

    @abstractmethod
    def work(self, name: str, life: Coroutine[None, None, None]) -> None:
        """A part that lives as long as mynad, but for one that ends by itself."""


def servicers(daemon: Parts) -> dict[str, Any]:
    """The services of the contract, by name."""
    from daemon.cleaning.cleaning import Cleaning
    from daemon.home.purging import Purging
    from daemon.home.voice_folders import VoiceFolders
    from daemon.idle.waiting import WaitingForIdleness
    from daemon.machine.doctor import Doctor
    from daemon.machine.energy import Rapl
    from daemon.processes.upkeep import UpkeepProgram
    from daemon.services.costs import CostsService
    from daemon.services.datasets import DatasetsService
    from daemon.services.experiments import ExperimentsService
    from daemon.services.jobs import JobsService
    from daemon.services.notices import NoticesService
    from daemon.services.people import PeopleService
    from daemon.services.runs import RunsService
    from daemon.services.speech import SpeechService
    from daemon.services.upkeep import UpkeepService
    from daemon.services.voices import VoicesService

    home, settings, store, lifecycle = daemon.home, daemon.settings, daemon.store, daemon.lifecycle
    folders = VoiceFolders(home, store, daemon.inbox.still)
    purging = Purging(home, store, folders.one)
    watchers = partial(getattr, daemon.events, "watchers")
    idle = WaitingForIdleness(
        store,
        settings.when_idle,
        daemon.keeper.activity,
        daemon.launcher,
        daemon.inbox.present,
        watchers,
        daemon.notices.unsent,
    )
    daemon.work("idle", idle.run())
    cleaning = Cleaning(store, daemon.disk, settings.keep, purging)
    daemon.work("cleaning", cleaning.run())
    doctor = Doctor(home, daemon.disk, store, daemon.gpu, daemon.scheduler.owner, daemon.notices.states)
    return {
        "Jobs": JobsService(store, lifecycle, daemon.scheduler, daemon.events, daemon.logs),
        "Runs": RunsService(store, daemon.points),
        "Voices": VoicesService(home, settings, store, lifecycle, daemon.events, folders, purging),
        "Datasets": DatasetsService(home, settings, store, daemon.inbox, lifecycle, daemon.events),
        "Experiments": ExperimentsService(home, store, lifecycle, folders, daemon.inbox.still),
        "Speech": SpeechService(home, store, lifecycle, daemon.speech, daemon.events, daemon.meters),
        "System": _system(daemon, doctor, idle),
        "People": PeopleService(store, daemon.keeper.directory),
        "Upkeep": UpkeepService(UpkeepProgram(daemon.launcher), cleaning),
        "Notices": NoticesService(daemon.notices),
        "Costs": CostsService(home, settings, store, folders, daemon.inbox.still, Rapl(daemon.powercap)),
    }


def _system(daemon: Parts, doctor: Doctor, idle: WaitingForIdleness) -> Any:
    from daemon.services.system import SystemService

    of_machine = daemon.machine, daemon.scheduler, daemon.inbox, doctor, daemon.adoption, daemon.end
    return SystemService(daemon.home, daemon.store, daemon.kinds, *of_machine, daemon.meters, idle)
