"""The table `[executor]` of `myna.toml`: where trainings are done (docs/scaling.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import Annotated
from urllib.parse import urlsplit

from engines.errors import BadInput
from engines.setting import Setting, checked, declared


class Where(StrEnum):
    """Who does a training."""

    LOCAL = "local"  #: this machine, as everything else
    RAY = "ray"  #: a machine of a Ray cluster
    PROCESS = "process"  #: this machine, by way of the shared folder


@dataclass(frozen=True)
class Executor:
    """Where trainings are done, and by way of which folder."""

    kind: Annotated[
        str,
        Setting(
            'who does trainings: "ray" a machine of a Ray cluster (needs `myna-voice[ray]`), "process" another process '
            "of this machine by way of `store`, to try that out",
            choices=tuple(Where),
        ),
    ] = Where.LOCAL.value
    address: Annotated[
        str,
        Setting(
            'of the Ray cluster, of which this machine must be a part; "auto": the one that runs here',
            form='"host:port", "ray://host:port" or "auto"',
            pattern=r"auto|(ray://)?[A-Za-z0-9._-]+:[0-9]{1,5}",
        ),
    ] = "auto"
    store: Annotated[
        str,
        Setting(
            "folder that this machine and those of the cluster reach by the same address",
            form='"file:///mnt/shared/myna", "s3://bucket/myna" or another address of fsspec\'s, or empty',
            pattern=r"([a-z][a-z0-9+.-]*://\S+)?",
        ),
    ] = ""
    lease: Annotated[
        float, Setting("silence after which a training elsewhere is lost and begun again", 1.0, 86_400, "seconds")
    ] = 60.0
    poll: Annotated[float, Setting("time between two looks at `store`", 0.05, 60, "seconds")] = 0.5

    def __post_init__(self) -> None:
        checked(EXECUTOR, vars(self), "executor")
        if self.kind != Where.LOCAL and not self.store:
            raise BadInput(
                f"[executor] kind is {self.kind}, and it has no store.",
                'Name a folder that all machines reach: store = "file:///mnt/shared/myna".',
            )
        if _has_password(self.store):
            raise BadInput(
                "[executor] store has a password in it, which all who see this machine's programs would read.",
                "Give it the way fsspec's library takes it: AWS_SECRET_ACCESS_KEY, a profile, an SSH key.",
            )
        if self.kind == Where.RAY and find_spec("ray") is None:
            raise BadInput(
                "[executor] kind is ray, and ray is not installed.", "Install it: `pip install 'myna-voice[ray]'`."
            )
        if 4 * self.poll > self.lease:
            raise BadInput(
                f"[executor] lease ({self.lease:g} s) must be at least four times poll ({self.poll:g} s).",
                "Make lease longer, or poll shorter.",
            )


def _has_password(address: str) -> bool:
    try:
        return urlsplit(address).password is not None
    except ValueError:
        return False


EXECUTOR = declared(Executor)
