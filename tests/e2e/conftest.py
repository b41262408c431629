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
from tests.e2e.workshop import (
    ANNA,
    LONG,
    NAMES,
    ROOT,
    SETTINGS,
    TOY_LONG,
    TOY_VOICE,
    TOYS,
    VOICE,
    Workshop,
    ended,
    job_is,
    until,
    weights,
)

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
        take_a_dataset(Workshop(out / "home", tiny_base, BY_HAND), VOICE)

    return once("dataset", make) / "home"


@pytest.fixture(scope="session")
def copy_of_dataset_home(dataset_home: Path, tiny_base: Path) -> Callable[..., Workshop]:
    """Makes a workshop of its own that has the dataset, in the folder given; more arguments are those of `Workshop`."""

    def copy(home: Path, **arguments: Any) -> Workshop:
        copy_home(dataset_home, home)
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
        train_calmly(copy_of_dataset_home(out / "home"), out, LONG)

    return (once("calm", make) / "weights").read_text()


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Workshop]:
    """An empty workshop that knows the engines `toy` and `parrot`, and trains by itself."""
    made = Workshop(tmp_path / "home", tmp_path, module=TOYS)
    yield made
    made.kill()


@pytest.fixture(scope="session")
def toy_home(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The same as `dataset_home`, where Anna is a voice of the engine `toy`."""

    def make(out: Path) -> None:
        take_a_dataset(Workshop(out / "home", out, BY_HAND, module=TOYS), TOY_VOICE)

    return once("toy", make) / "home"


@pytest.fixture(scope="session")
def copy_of_toy_home(toy_home: Path) -> Callable[..., Workshop]:
    """The same as `copy_of_dataset_home`, where Anna is a voice of the engine `toy`."""

    def copy(home: Path, **arguments: Any) -> Workshop:
        copy_home(toy_home, home)
        return Workshop(home, home, BY_HAND, module=TOYS, **arguments)

    return copy


@pytest.fixture
def with_toy(tmp_path: Path, copy_of_toy_home: Callable[..., Workshop]) -> Iterator[Workshop]:
    """The same as `with_dataset`, where Anna is a voice of the engine `toy`."""
    made = copy_of_toy_home(tmp_path / "home")
    yield made
    made.kill()


@pytest.fixture(scope="session")
def calm_toy_weights(
    once: Callable[[str, Callable[[Path], None]], Path], copy_of_toy_home: Callable[..., Workshop]
) -> str:
    """The same as `calm_weights` of a TOY_LONG training of Anna as a voice of the engine `toy`."""

    def make(out: Path) -> None:
        train_calmly(copy_of_toy_home(out / "home"), out, TOY_LONG)

    return (once("toy-calm", make) / "weights").read_text()


def take_a_dataset(made: Workshop, options: str) -> None:
    """Have Anna's recordings taken in an empty workshop, and cut."""
    try:
        with made.up() as client:
            made.drop(ANNA, NAMES, options=options)
            until(client, job_is(pb.DATASET, "succeeded"))
        assert made.down() == 0
    finally:
        made.kill()


def copy_home(home: Path, to: Path) -> None:
    """A home that is not up, as another one's folder has it."""
    shutil.copytree(home, to, ignore=shutil.ignore_patterns("*.sock", "mynad.out"), dirs_exist_ok=True)


def train_calmly(made: Workshop, out: Path, asked: dict[str, Any]) -> None:
    """Train Anna's version 1, and write the digest of its weights into the folder."""
    try:
        with made.up() as client:
            ended(client, client.train(ANNA, **asked).id)
        (out / "weights").write_text(weights(made.home, ANNA, 1))
    finally:
        made.kill()
