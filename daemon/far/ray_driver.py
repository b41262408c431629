"""`python -m daemon.far.ray_driver ORDER ARGUMENTS…`: has a Ray cluster run Python with these arguments, once, and
waits for it. Ends with its exit code, and tells what it printed last.

`python -m daemon.far.ray_driver nodes ADDRESS`: prints its machines as a line of JSON whenever they change.

The only programs of Myna's that import ray. When the cluster is lost Ray ends its driver, so this is nobody's parent
but Ray's: the task dies with it, and the agent with the task.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from daemon.far.agent import PARENT
from daemon.processes.launcher_program import die_with

LOOK = 5.0  #: seconds between two looks at the cluster's machines
TROUBLE = 1


def agent(arguments: list[str], parent: str) -> tuple[int, str]:
    """The task: Ray carries it over by its code, so it needs no Myna until it starts Myna's own program. Returns the
    exit code and the last lines."""
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, parent: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return done.returncode, done.stdout[-10_000:]


def connected(address: str) -> Any:
    """The module ray, connected. Raises ConnectionError, and what else ray raises."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    ray.init(address=address or "auto", log_to_driver=False, logging_level="error", configure_logging=False)
    return ray


def run(asked: dict[str, Any], arguments: list[str]) -> int:
    """Have the cluster run it; its exit code."""
    ray = connected(asked["address"])
    options: dict[str, Any] = {"num_cpus": 1, "num_gpus": asked["gpus"], "max_retries": 0, "name": asked["id"]}
    if asked["node"]:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # soft: a machine that went is no reason to wait for it
        options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(asked["node"], soft=True)
    task = ray.remote(agent).options(**options).remote(arguments, PARENT)
    code, said = ray.get(task)
    print(said, file=sys.stderr)
    return int(code)


def nodes(address: str) -> None:
    """For ever. A machine is its id, its name, and how many cores and GPUs it lends."""
    ray = connected(address)
    before = None
    while True:
        found = sorted(
            (
                one["NodeID"],
                one["NodeManagerHostname"],
                *(int(one["Resources"].get(what, 0)) for what in ("CPU", "GPU")),
            )
            for one in ray.nodes()
            if one["Alive"]
        )
        if found != before:
            machines = [dict(zip(("id", "name", "cpus", "gpus"), one, strict=True)) for one in found]
            print(json.dumps({"machines": machines}), flush=True)
            before = found
        time.sleep(LOOK)


def main() -> int:
    if parent := os.environ.get(PARENT):
        die_with(int(parent))
    try:
        if sys.argv[1] == "nodes":
            nodes(sys.argv[2])
        return run(json.loads(sys.argv[1]), sys.argv[2:])
    except Exception as error:  # of ray, whose kinds are many
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return TROUBLE


if __name__ == "__main__":
    sys.exit(main())
