"""An engine elsewhere that the owner switched on, with budgets, and who asks it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session
from voice_rows import clip, dataset, version

from daemon import settings
from daemon.caller import Caller, Right
from daemon.database.models import Voice, now
from daemon.database.people_rows import Person
from daemon.database.store import Store
from proto import myna_pb2 as pb

SECRET = "sk-very-secret-0123456789"


def switched_on(folder: Path) -> Path:
    """A home whose owner lets people speak with OpenAI."""
    key = folder / "openai.key"
    key.touch(0o600)
    key.write_text(SECRET)
    (folder / "myna.toml").write_text(
        f"""[remote.openai]
enabled = true
key_file = "{key}"
budget_a_day = 0.02
person_a_day = 0.005
people = true
"""
    )
    return folder


def furnished(home: Path) -> Store:
    """Its database, in which anna has a version and bob may speak."""
    opened = Store(home, settings=settings.load(home))

    def given(session: Session) -> None:
        session.add(Voice(name="anna", language="de", engine="glow", options={}, created=now()))
        session.add(Person(name="bob", rights=int(Right.SPEAK), created=now()))
        session.flush()
        held = [clip(session, f"held{i}", f"Satz {i}", held_out=True) for i in (0, 1)]
        dataset(session, 1, [clip(session, "c")], held)
        version(session, 7)

    opened.write_now(given)
    return opened


def asked(text: str = "Good morning.", voice: str = "openai:alloy", **more: object) -> pb.JobSpec:
    return pb.JobSpec(speak=pb.SpeakSpec(voice=voice, text=text, **more))  # type: ignore[arg-type]


def as_bob(session: Session) -> Session:
    session.info["caller"] = Caller("bob", Right.SPEAK)
    return session
