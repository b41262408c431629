"""Settings of the daemon: `<home>/myna.toml`, overridden by the environment (`MYNA_…`). docs/configuration.md explains each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from daemon.errors import BadRequest
from proto import people_toml
from proto.people_toml import BadToml


class Settings(BaseModel):
    """Checked settings; every field has a default that suits one workstation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # inbox
    settle: float = Field(2.0, gt=0)  #: seconds a file must stay unchanged before it is taken
    poll: str = Field("auto", pattern="^(auto|always|never)$")  #: look for files by polling: where inotify is silent, always, never
    rescan: float = Field(60.0, gt=0)  #: seconds between safety looks through the inbox
    ingest_batch: int = Field(500, gt=0)  #: files of one ingest job
    min_free_disk: int = Field(1_000_000_000, ge=0)  #: bytes that stay free: nothing is taken or trained below that

    # training by itself
    auto_train: bool = True
    auto_train_min_seconds: float = Field(30.0, ge=0)  #: new kept audio that starts a training, seconds
    auto_train_quiet: float = Field(5.0, ge=0)  #: seconds an inbox must be quiet before its recordings become a dataset
    default_engine: str = "glow"
    default_language: str = "en"

    # workers
    heartbeat_timeout: float = Field(30.0, gt=0)  #: seconds of silence after which an attempt is ended
    stop_grace: float = Field(60.0, gt=0)  #: seconds a worker gets to save at shutdown
    threads: int = Field(0, ge=0)  #: CPU threads of a worker; 0: torch's choice
    cpu_jobs: int = Field(2, gt=0)  #: jobs at once in the CPU lane
    speech_idle_seconds: float = Field(600.0, gt=0)  #: the speech worker gives its memory back after that
    speech_memory: int = Field(4_000_000_000, gt=0)  #: bytes of loaded voices it may hold

    # engines
    weights_url: str = Field("", pattern="^(https?://.*)?$")  #: of a mirror that has <engine>/<file> in place of the publishers

    # state
    events_kept: int = Field(200_000, gt=0)

    # network: a Unix socket always; TCP only with TLS and a token or client certificates
    listen: str = ""  #: "host:port"
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    token_file: str = ""


def load(home: Path) -> Settings:
    """Read the settings of a home folder. Raises BadRequest naming the file, the key, and what it should be."""
    values: dict[str, Any] = {}
    path = home / "myna.toml"
    if path.is_file():
        try:
            with path.open("rb") as file:
                values = people_toml.loads(file.read(people_toml.LIMIT + 1))
        except BadToml as bad:
            raise BadRequest(f"{path} {bad.sentence}", bad.hint) from None
        except OSError as error:
            raise BadRequest(f"{path} cannot be read: {error.strerror}.", "Give mynad's user the right to read it.") from None
    origin = dict.fromkeys(values, str(path))
    for name in Settings.model_fields:
        if (given := os.environ.get(f"MYNA_{name.upper()}")) is not None:
            values[name], origin[name] = given, f"the environment (MYNA_{name.upper()})"
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise BadRequest(f"{origin.get(key, path)} sets {key!r}, which is no setting.", "docs/configuration.md lists them.") from None
        raise BadRequest(f"{origin.get(key, path)} sets {key!r} to {first['input']!r}: {first['msg'].lower()}.", "") from None
