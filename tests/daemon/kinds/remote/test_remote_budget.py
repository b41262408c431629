"""Budgets of engines elsewhere: what was spoken before costs nothing, and money of another currency is not nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import lives
import numpy as np
import pytest
from inbox_workshop import InProcessChannel
from remote_home import as_bob, asked
from sqlalchemy.orm import Session

from daemon.database.store import Store
from daemon.errors import QuotaReached
from daemon.home import kept_lines
from daemon.kinds.evaluate import across, across_worker
from daemon.kinds.remote.worker import Accessed
from daemon.state import jobs, remote_engines
from daemon.worker import spoken
from engines.base import AudioChunk, SpeechRequest
from engines.errors import EngineError
from engines.remote.access import Access
from engines.remote.cache import Cache
from engines.remote.pieces import kept_key, pieces
from engines.remote.providers import PROVIDERS
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def paying(session: Session, **changed: object) -> Session:
    """The session of a mynad whose [remote.openai] was changed."""
    tables = session.info["settings"].remote
    own = dataclasses.replace(tables["openai"], **changed)  # type: ignore[arg-type]
    session.info["settings"] = dataclasses.replace(session.info["settings"], remote={**tables, "openai": own})
    return session


def spend(session: Session) -> None:
    """1,300 characters, which are nearly all that may be spent."""
    job = lives.submit(session, asked())
    lives.kind(session, "speak").commit(
        session, job, wire.Report(charged=wire.Charged(engine="openai", characters=1_300))
    )


def spoken_before(home: Path, spec: pb.JobSpec, count: int, whose: str = "") -> None:
    """The first pieces of a text lie in the cache."""
    provider = PROVIDERS["openai"]
    access = Access("alloy", "tts-1", provider.base_url, None, home / "remote" / "openai", 1_000_000, whose)
    request = SpeechRequest(spec.speak.text, speed=1.0)
    for piece in pieces(request, provider.longest)[:count]:
        Cache(access.cache, access.cache_bytes).put(kept_key(provider, access, piece, request), b"sound")


def test_what_was_spoken_before_is_answered_when_the_budget_is_used_up(store: Store, home: Path) -> None:
    store.write_now(spend)
    text = "A first sentence of a text, which is long. " + "And another one, which would cost too much now. " * 2
    spec = asked(text)
    with pytest.raises(QuotaReached):
        store.write_now(lambda session: lives.submit(session, spec))
    spoken_before(home, spec, 1)
    with pytest.raises(QuotaReached, match="Everybody together has spent"):
        store.write_now(lambda session: lives.submit(session, spec))
    spoken_before(home, spec, 2, whose="bob")
    with pytest.raises(QuotaReached):
        store.write_now(lambda session: lives.submit(session, spec))
    spoken_before(home, spec, 2)

    def planned(session: Session) -> wire.RemoteSpeaker:
        job = lives.submit(session, asked(text))
        return lives.kind(session, "speak").plan(session, job).remote.speaker

    speaker = store.write_now(planned)
    assert (speaker.HasField("at_most"), speaker.at_most) == (True, 0), "nothing may be sent"
    within = store.write_now(lambda session: planned(paying(session, budget_a_day=1.0)))
    assert not within.HasField("at_most")
    for path in (home / "remote" / "openai").iterdir():
        path.unlink()
    with pytest.raises(QuotaReached):
        store.write_now(lambda session: lives.submit(session, spec))


def test_what_is_still_to_be_sent_is_held_against_the_budget(store: Store, home: Path) -> None:
    store.write_now(spend)
    spec = asked("A first sentence of a text, which is long enough. Short.")
    spoken_before(home, spec, 1)

    def planned(session: Session) -> int:
        return lives.kind(session, "speak").plan(session, lives.submit(session, spec)).remote.speaker.at_most

    assert store.write_now(planned) == len("Short.")


def test_a_worker_sends_no_more_than_it_may(store: Store, home: Path) -> None:
    channel = InProcessChannel(store, home, store.write_now(lambda session: lives.submit(session, asked()).id))
    accessed = Accessed("openai", wire.RemoteSpeaker(at_most=10), channel)
    accessed.access.may_send(10)
    accessed.access.charge(6)
    accessed.access.may_send(4)
    with pytest.raises(EngineError, match="What openai spoke before is not kept any more"):
        accessed.access.may_send(5)
    Accessed("openai", wire.RemoteSpeaker(), channel).access.may_send(1_000_000)


def test_money_spent_in_another_currency_is_not_left_out_of_account(store: Store, home: Path) -> None:
    store.write_now(spend)
    spec = asked("Good evening.")
    with pytest.raises(QuotaReached) as over:
        store.write_now(lambda session: lives.submit(paying(session, price=20.0, currency="EUR"), spec))
    assert str(over.value) == (
        "Everybody together has spent 0.02 USD with openai today, and its budget is in EUR now: nobody can tell what "
        "is left of it. Ask tomorrow; or the owner sets currency in [remote.openai] of myna.toml back until then, or "
        "leaves the budget out."
    )
    assert over.value.retry_after > 0
    for kept, said in ({}, "Only what it spoke before is answered"), ({"cache": 0}, "It cannot be asked"):
        changed = {"price": 20.0, "currency": "EUR", **kept}
        (state, *_) = store.read_now(lambda session, changed=changed: remote_engines.states(paying(session, **changed)))
        assert state.sentence == f"{said}: 0.02 USD was spent today, and its budget is in EUR now."
        assert (state.ready, state.remote.open) == (False, not kept)
    with pytest.raises(QuotaReached, match=r"^What may be spent with openai today is not known: the currency of its"):
        store.write_now(lambda session: lives.submit(as_bob(paying(session, price=20.0, currency="EUR")), spec))

    spoken_before(home, spec, 1)  # which costs nothing in any currency
    store.write_now(lambda session: lives.submit(paying(session, price=20.0, currency="EUR"), spec))
    other = asked("Good night.")
    store.write_now(lambda session: lives.submit(paying(session, currency="$"), other))  # that is the same
    free = {"price": 20.0, "currency": "EUR", "budget_a_day": 0.0, "person_a_day": 0.0}
    store.write_now(lambda session: lives.submit(paying(session, **free), other))


class Mute:
    """An engine that says nothing, for as long as one likes."""

    info = PROVIDERS["openai"].info

    def unspeakable(self, text: str, language: str) -> tuple[()]:
        return ()

    def speak(self, model: object, request: SpeechRequest) -> Iterator[AudioChunk]:
        yield AudioChunk(np.zeros(2_400, np.float32), 24_000, 0, request.text)


def test_lines_that_are_kept_are_compared_when_the_budget_is_used_up(store: Store, home: Path) -> None:
    spec = pb.EvaluateSpec(voice="anna", version=7, against_voice="openai:alloy")
    (home / "voices" / "anna" / "7").mkdir(parents=True)
    job = store.write_now(lambda session: lives.submit(session, pb.JobSpec(evaluate=spec)).id)

    def planned(session: Session) -> wire.EvaluatePlan:
        kind = lives.kind(session, "evaluate")
        kind.check(session, pb.JobSpec(evaluate=spec))
        return kind.plan(session, jobs.get(session, job)).evaluate

    plan = store.read_now(planned)
    assert not plan.other.remote.HasField("at_most")
    store.write_now(spend)
    with pytest.raises(QuotaReached, match="Everybody together has spent"):
        store.read_now(planned)

    # the worker says them, as it always does
    who = across_worker.elsewhere(plan.other, Path(plan.other.samples_dir))
    lines = {text: spoken.unrecorded(text, plan.language) for text in plan.texts}
    channel = InProcessChannel(store, home, job)
    mute = cast(Any, Mute())
    spoken.speak_all(mute, lambda: cast(Any, object()), who, list(lines.values()), channel, lambda: None)
    speaker = store.read_now(planned).other.remote
    assert (speaker.HasField("at_most"), speaker.at_most) == (True, 0), "nothing may be sent"
    who.wav(lines["Satz 0"]).unlink()
    assert store.read_now(planned).other.remote.at_most == len("Satz 0")
    access = Access("alloy", "tts-1", speaker.base_url, None, Path(speaker.cache_dir), 1_000_000, "")
    request = SpeechRequest("Satz 0", plan.language, seed=kept_lines.SEED)
    Cache(access.cache, access.cache_bytes).put(kept_key(PROVIDERS["openai"], access, "Satz 0", request), b"sound")
    assert store.read_now(planned).other.remote.at_most == 0
    with pytest.raises(QuotaReached):  # another model says them in another way
        store.read_now(lambda session: planned(paying(session, model="tts-1-hd")))


def test_two_voices_elsewhere_must_both_fit_into_the_budget(store: Store, home: Path) -> None:
    spec = pb.EvaluateSpec(voice="openai:nova", against_voice="openai:alloy")
    of = PROVIDERS["openai"]

    def texts(session: Session) -> list[str]:
        both = across.wanted(session, spec)
        assert both is not None
        (_, mine), (_, theirs) = across.elsewhere(session, both)
        assert mine == theirs
        return mine

    said = store.read_now(texts)
    each = sum(map(of.billed, said))

    def at_most(session: Session, times: float) -> dict[str, int]:
        """What may be sent, where a budget reaches for so many times what one of them says."""
        both = across.wanted(session, spec)
        assert both is not None
        paying(session, price=20.0, budget_a_day=times * each * 20.0 / 1_000_000, person_a_day=0.0)
        return across.check_price(session, both, "", home)

    assert store.read_now(at_most, 2.01) == {}
    with pytest.raises(QuotaReached):
        store.read_now(at_most, 1.99)
    who = kept_lines.elsewhere("openai", of.base_url, "tts-1", "alloy")
    for text in said:
        name = kept_lines.text_name(text, "en")
        line = kept_lines.wav(home / "samples" / "openai:alloy" / kept_lines.BASE, name)
        line.parent.mkdir(parents=True, exist_ok=True)
        line.write_bytes(b"RIFF")
        line.with_suffix(".json").write_text(json.dumps({"key": kept_lines.key(who, name, text, "en")}))
    assert store.read_now(at_most, 1.01) == {"openai:nova": each, "openai:alloy": 0}
    with pytest.raises(QuotaReached):
        store.read_now(at_most, 0.99)
