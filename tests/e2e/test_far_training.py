"""A real training by way of the shared folder, without Ray: what its worker says and waits for reaches mynad, and the
weights are those of a training here."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.far.far_home import ENVIRONMENT
from tests.e2e.workshop import ANNA, TOY_LONG, Workshop, ended, weights

pytestmark = [pytest.mark.long, pytest.mark.e2e]


def test_a_real_training_in_another_folder_has_the_weights_of_one_here(
    with_toy: Workshop, calm_toy_weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "machine"))
    with (with_toy.home / "myna.toml").open("a") as settings:
        settings.write(f'\n[executor]\nkind = "process"\nstore = "file://{tmp_path}/shared"\npoll = 0.1\n')
    with with_toy.up() as client:
        job = ended(client, client.train(ANNA, **TOY_LONG).id)
        assert job.status.HasField("succeeded"), job.status
        run = client.run(client.version(ANNA, 1).run)
        assert run.way, "how it was begun came here, too"
        assert weights(with_toy.home, ANNA, 1) == calm_toy_weights
