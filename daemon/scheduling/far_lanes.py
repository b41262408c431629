"""The lanes of other machines: which jobs are done there, and where the next one goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.executor_settings import Executor, Where
from daemon.far.cluster import Cluster, FarLane
from daemon.far.errand import Errand
from daemon.kinds.kind import Kind
from daemon.scheduling.attempt import Attempt
from daemon.scheduling.place import Place
from proto import myna_pb2 as pb


class FarLanes:
    """Of one scheduler, whose `attempts` (by job) it reads. `program`: argv of a worker."""

    def __init__(
        self, cluster: Cluster, settings: Executor, program: Sequence[str], attempts: Mapping[int, Attempt]
    ) -> None:
        self._cluster, self._settings, self._attempts = cluster, settings, attempts
        self._program = tuple(program[1:])  # the interpreter is that of the other machine

    def takes(self, kind: Kind) -> bool:
        """Jobs of this kind are done elsewhere."""
        return kind.portable and self._settings.kind != Where.LOCAL

    def free(self) -> list[Place]:
        """Lanes that nobody holds. A lane is one of a machine's: who gave way in one holds it."""
        held = [a.place.errand.lane for a in self._attempts.values() if a.place.errand is not None]
        return [self._place(lane) for lane in self._cluster.lanes if (lane.node, lane.gpu) not in held]

    def _place(self, lane: FarLane) -> Place:
        settings = self._settings
        errand = Errand(
            settings.kind,
            settings.address,
            settings.store,
            settings.lease,
            settings.poll,
            self._program,
            lane.node,
            lane.gpu,
        )
        use = pb.GpuUse(node=lane.name, of=len(self._cluster.lanes))
        if lane.gpu is not None:
            use.indices.append(lane.gpu)
        return Place(use=use, errand=errand)

    def told(self) -> list[pb.FarLane]:
        """All of them and who has which, for people."""
        held = {a.place.errand.lane: a for a in self._attempts.values() if a.place.errand is not None}
        return [
            pb.FarLane(
                node=lane.name,
                gpu=lane.gpu,
                holder=attempt.label if (attempt := held.get((lane.node, lane.gpu))) is not None else "",
                job=attempt.job if attempt is not None else 0,
            )
            for lane in self._cluster.lanes
        ]

    def why(self) -> str:
        """Why a job waits for a lane, in words."""
        if not self._cluster.answers:
            return f"the Ray cluster {self._settings.address} does not answer"
        if not self._cluster.lanes:
            return "the cluster has no machine"
        held = [a.label for a in self._attempts.values() if a.place.errand is not None]
        return f"every lane of the cluster is held ({', '.join(held[:3])})"
