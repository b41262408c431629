"""The kinds of jobs there are: one line each. A new kind is a module here, its namesake in `daemon/kinds/`, and a line
in `Kinds`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daemon.errors import NotYetSupported
from daemon.kinds.dataset.server import MakeDataset
from daemon.kinds.derive.server import Derive
from daemon.kinds.evaluate.server import Evaluate
from daemon.kinds.experiment.server import Experiment
from daemon.kinds.export.server import Export
from daemon.kinds.fetch.server import Fetch
from daemon.kinds.ingest.server import Ingest
from daemon.kinds.kind import Kind
from daemon.kinds.pull.server import Pull
from daemon.kinds.push.server import Push
from daemon.kinds.speak.server import Speak
from daemon.kinds.train.server import Train
from daemon.kinds.transcribe.server import Transcribe
from daemon.kinds.unpack.server import Unpack
from daemon.settings import Settings


class Kinds:
    """The kinds of one daemon, by name."""

    def __init__(self, home: Path, settings: Settings) -> None:
        self.train = Train(home, settings)  #: also asked what a training would take
        rest = (Ingest, MakeDataset, Derive, Evaluate, Speak, Export, Unpack, Fetch, Experiment, Transcribe, Push, Pull)
        others: list[Kind] = [kind(home, settings) for kind in rest]
        self._kinds = {kind.name: kind for kind in [self.train, *others]}

    def __getitem__(self, name: str) -> Kind:
        """Raises NotYetSupported for a kind that the contract names and that nothing does yet."""
        found = self._kinds.get(name)
        if found is None:
            raise NotYetSupported(
                f"Jobs of the kind {name!r} come with a later version of Myna.", f"Kinds are {', '.join(self._kinds)}."
            )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)
