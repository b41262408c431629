"""What a relay is told beside its plan. Light: mynad makes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

#: The variable with the errand.
ERRAND = "MYNA_ERRAND"
#: argv of a relay, which stands in a worker's place.
RELAY = (sys.executable, "-m", "daemon.far.relay")


@dataclass(frozen=True)
class Errand:
    """What a relay is told beside the plan."""

    kind: str  #: of executor
    address: str  #: of the cluster
    store: str  #: address
    lease: float  #: seconds
    poll: float  #: seconds
    program: tuple[str, ...]  #: the worker's: what Python is given
    node: str = ""  #: the machine's id in the cluster; empty: any
    gpu: int | None = None  #: index of the lane's GPU there; None: it computes on that machine's CPU

    @property
    def lane(self) -> tuple[str, int | None]:
        """Which lane it holds: machine and GPU."""
        return self.node, self.gpu

    def environment(self) -> dict[str, str]:
        """That of the relay."""
        return {ERRAND: json.dumps(asdict(self))}

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Errand:
        values = json.loads(environment[ERRAND])
        return cls(**{**values, "program": tuple(values["program"])})
