"""The paper daemon's server, which can be made to vanish and return."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from proto import myna_pb2_grpc as stubs
from proto.home import socket_path
from tests.tui.stage.costs import Costs
from tests.tui.stage.datasets import Datasets
from tests.tui.stage.experiments import Experiments
from tests.tui.stage.jobs import Jobs
from tests.tui.stage.runs import Runs
from tests.tui.stage.speech import Speech
from tests.tui.stage.system import System
from tests.tui.stage.voices import Voices


class Stage:
    """The server, up from `open` to `close`; rows and what was asked live in its parts, across both."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.jobs, self.runs, self.voices, self.datasets = Jobs(), Runs(), Voices(), Datasets()
        self.speech, self.system, self.experiments, self.costs = Speech(), System(), Experiments(), Costs()
        self._server: grpc.Server | None = None

    def open(self, credentials: grpc.ServerCredentials | None = None) -> str:
        """Serve on the Unix socket, or with credentials on a port of this machine; its address."""
        server = grpc.server(ThreadPoolExecutor(16))
        for name in ("jobs", "runs", "voices", "datasets", "experiments", "speech", "system", "costs"):
            getattr(stubs, f"add_{name.capitalize()}Servicer_to_server")(getattr(self, name), server)
        check = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(check, server)
        check.set("", health_pb2.HealthCheckResponse.SERVING)
        path = socket_path(self.home)
        path.parent.mkdir(parents=True, exist_ok=True)
        if credentials is None:
            server.add_insecure_port(f"unix:{path}")
            where = str(path)
        else:
            where = f"localhost:{server.add_secure_port('localhost:0', credentials)}"
        server.start()
        self._server = server
        return where

    def close(self) -> None:
        """Vanish, as a killed daemon does."""
        if self._server is not None:
            self._server.stop(0).wait(5)
            self._server = None
