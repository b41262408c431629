"""A voice of an engine that only speaks: what cannot be asked for, and what is said instead."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import lives
import pytest
from sqlalchemy.orm import Session
from trainings import spec
from voice_rows import version

from daemon.database.models import Dataset
from daemon.database.store import Store
from daemon.errors import BadRequest
from daemon.inbox import voice_toml
from daemon.state import voices, what_next
from engines import registry
from engines.capabilities import Capability
from proto import myna_pb2 as pb

pytestmark = pytest.mark.integration


@pytest.fixture
def only_speaks(anna: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """anna, of an engine that only speaks."""
    glow = registry.ENGINES["glow"]
    monkeypatch.setitem(
        registry.ENGINES,
        "glow",
        dataclasses.replace(glow, capabilities=frozenset({Capability.SPEAKS}), learning=None, exports=()),
    )
    return anna


def test_an_engine_that_only_speaks_cannot_be_trained(only_speaks: Store, tmp_path: Path) -> None:
    def price(session: Session) -> object:
        return lives.lifecycle(session).kinds.train.estimate(session, spec().train)

    for ask in (lambda session: lives.kind(session, "train").check(session, spec()), price):
        with pytest.raises(BadRequest, match="The engine glow only speaks; it cannot be trained") as refused:
            only_speaks.read_now(ask)
        assert refused.value.hint == "Use one that learns: xtts, fish."


def test_an_engine_that_only_speaks_exports_nothing(only_speaks: Store) -> None:
    only_speaks.write_now(lambda session: version(session, 1).number)
    with pytest.raises(BadRequest, match="The engine glow writes no files for other tools"):
        only_speaks.read_now(
            lambda session: lives.kind(session, "export").check(
                session, pb.JobSpec(export=pb.ExportSpec(voice="anna", version=1))
            )
        )


def test_a_voice_of_an_engine_that_only_speaks_waits_for_no_training(only_speaks: Store) -> None:
    told = only_speaks.read_now(
        lambda session: what_next.sentence(session, voices.get(session, "anna"), Dataset(number=1))
    )
    assert told == "speaks with glow, which is not trained: `myna say --voice anna`"
    toml = voice_toml.parse(b'engine = "glow"')
    only_speaks.write_now(lambda session: voice_toml.apply(session, voices.get(session, "anna"), toml))
    toml = voice_toml.parse(b"[train]\nsteps = 5")
    with pytest.raises(BadRequest, match="The engine glow only speaks"):
        only_speaks.write_now(lambda session: voice_toml.apply(session, voices.get(session, "anna"), toml))
