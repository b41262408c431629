"""What end-to-end tests stand on: a tiny random base, a home with a dataset, and the weights that a calm training of it
gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from proto import myna_pb2 as pb
from tests.e2e.workshop import ANNA, LONG, NAMES, ROOT, SETTINGS, Workshop, ended, job_is, until, weights

#: nothing is trained but what a test asks for
BY_HAND = SETTINGS + "auto_train = false\n"
#: bound on a test with its fixtures, on a machine that others use too, seconds (idle, each takes well under a minute)
BOUND = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "e2e") and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(BOUND))


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Has a folder of a name made by the first process of this test run that asks for it; the others wait, and use it,
    too. Nobody may write into it afterwards."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "once"
    shared.mkdir(exist_ok=True)

    def get(name: str, make: Callable[[Path], None]) -> Path:
        with FileLock(shared / f"{name}.lock"):
            if not (shared / name).is_dir():
                aside = shared / f"{name}.{os.getpid()}"
                make(aside)
                aside.rename(shared / name)
        return shared / name

    return get


@pytest.fixture(scope="session")
def tiny_base(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    def make(out: Path) -> None:
        subprocess.run([sys.executable, "-m", "engines.glow.recipe.tiny_base", str(out / "glow")], cwd=ROOT, check=True)

    return once("base", make) / "glow"


@pytest.fixture
def workshop(tmp_path: Path, tiny_base: Path) -> Iterator[Workshop]:
    """An empty workshop that trains by itself."""
    made = Workshop(tmp_path / "home", tiny_base)
    yield made
    made.kill()


@pytest.fixture(scope="session")
def dataset_home(once: Callable[[str, Callable[[Path], None]], Path], tiny_base: Path) -> Path:
    """A home in which Anna has dataset #1 and no version. Tests take copies."""

    def make(out: Path) -> None:
        made = Workshop(out / "home", tiny_base, BY_HAND)
        try:
            with made.up() as client:
                made.drop(ANNA, NAMES)
                until(client, job_is(pb.DATASET, "succeeded"))
            assert made.down() == 0
        finally:
            made.kill()

    return once("dataset", make) / "home"


@pytest.fixture(scope="session")
def copy_of_dataset_home(dataset_home: Path, tiny_base: Path) -> Callable[..., Workshop]:
    """Makes a workshop of its own that has the dataset, in the folder given; more arguments are those of `Workshop`."""

    def copy(home: Path, **arguments: Any) -> Workshop:
        shutil.copytree(dataset_home, home, ignore=shutil.ignore_patterns("*.sock", "mynad.out"), dirs_exist_ok=True)
        return Workshop(home, tiny_base, BY_HAND, **arguments)

    return copy


@pytest.fixture
def with_dataset(tmp_path: Path, copy_of_dataset_home: Callable[..., Workshop]) -> Iterator[Workshop]:
    """A workshop in which Anna has dataset #1, and nothing trains by itself."""
    made = copy_of_dataset_home(tmp_path / "home")
    yield made
    made.kill()


@pytest.fixture(scope="session")
def calm_weights(
    once: Callable[[str, Callable[[Path], None]], Path], copy_of_dataset_home: Callable[..., Workshop]
) -> str:
    """Digest of the weights of Anna's version 1 when a LONG training runs from its beginning to its end and nobody asks
    for anything."""

    def make(out: Path) -> None:
        made = copy_of_dataset_home(out / "home")
        try:
            with made.up() as client:
                ended(client, client.train(ANNA, **LONG).id)
            (out / "weights").write_text(weights(made.home, ANNA, 1))
        finally:
            made.kill()

    return (once("calm", make) / "weights").read_text()
