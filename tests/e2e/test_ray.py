"""Trainings on a real Ray cluster of two nodes: the weights are those of a training here, bit for bit, whatever is
killed meanwhile. Skipped where ray is not installed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from proto.client import Client
from tests.e2e.ray_cluster import RayCluster
from tests.e2e.workshop import ANNA, LONG, TOY_LONG, Workshop, bounded, ended, reach_step, weights

pytest.importorskip("ray", reason="ray is not installed: pip install 'myna-voice[ray]'")
pytestmark = [pytest.mark.slow, pytest.mark.e2e]
PATIENCE = 400.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RayCluster]:
    with (
        tempfile.TemporaryDirectory(prefix="ray-") as short,
        RayCluster(Path(short) / "s", tmp_path / "machine") as made,
    ):
        yield made


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"file://{tmp_path}/shared"


@pytest.fixture
def on_ray(cluster: RayCluster, store: str) -> Callable[[Workshop], Workshop]:
    """Has a workshop's trainings done on the cluster."""

    def turned(made: Workshop) -> Workshop:
        with (made.home / "myna.toml").open("a") as settings:
            settings.write(
                f'\n[executor]\nkind = "ray"\naddress = "{cluster.address}"\nstore = "{store}"\n'
                "lease = 10.0\npoll = 0.1\n"
            )
        return made

    return turned


def test_glow_trained_on_a_cluster_has_the_weights_of_a_training_here(
    with_dataset: Workshop, on_ray: Callable[[Workshop], Workshop], calm_weights: str
) -> None:
    with on_ray(with_dataset).up() as client:
        job = ended(client, client.train(ANNA, **LONG).id)
        assert (job.gpu.node != "", list(job.gpu.indices), job.gpu.of) == (True, [0], 2), "a lane of the other node"
        assert weights(with_dataset.home, ANNA, 1) == calm_weights


@pytest.mark.parametrize("killed", ["agent", "worker", "node", "head"])
def test_what_is_killed_is_gone_on_with_and_ends_in_the_same_weights(
    killed: str,
    with_toy: Workshop,
    on_ray: Callable[[Workshop], Workshop],
    cluster: RayCluster,
    store: str,
    calm_toy_weights: str,
) -> None:
    with on_ray(with_toy).up() as client:
        job = client.train(ANNA, **TOY_LONG).id
        reach_step(client, job, 600)
        (agent,) = cluster.agents(store)
        match killed:
            case "agent":
                agent.kill()
            case "worker":
                (worker,) = agent.children()
                worker.kill()
            case "node":
                cluster.kill_node()
                _until_second_attempt_waits(client, job)
                cluster.node()
            case "head":
                cluster.kill_head()  # whoever works elsewhere may or may not go on: Ray does not say
                cluster.head()
                cluster.node()
        done = ended(client, job)
        assert weights(with_toy.home, ANNA, 1) == calm_toy_weights
        log = [line.text for line in client.logs(job)]
        went_on = any(text.startswith("Goes on from what attempt") for text in log)
        assert went_on == (done.attempts > 1), log
        assert went_on or killed == "head"
    psutil.wait_procs(cluster.agents(store), timeout=20)
    assert cluster.agents(store) == []


def _until_second_attempt_waits(client: Client, job: int) -> None:
    """Until mynad knows that the first one is lost."""
    for seen in bounded(client.follow(job), PATIENCE):
        if seen.status.HasField("queued") and seen.attempts == 1:
            return
    raise AssertionError("the first attempt was never lost")
