"""Speech elsewhere, the daemon's side: what is refused before anything is sent, what a worker is told, and what is on
whose account."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import lives
import pytest
from remote_home import SECRET, as_bob, asked
from sqlalchemy.orm import Session

from daemon import settings
from daemon.caller import Caller, Right
from daemon.database.comparison_rows import Comparison
from daemon.database.models import now
from daemon.database.people_rows import Share
from daemon.database.store import Store
from daemon.errors import MynaError, NotAllowed, QuotaReached
from daemon.kinds.remote import server as remote
from daemon.state import accounts, across, charges, jobs, remote_engines, sides, voices
from proto import myna_pb2 as pb
from proto import worker_pb2 as wire

pytestmark = pytest.mark.integration


def test_a_job_of_a_voice_elsewhere_is_of_the_cpu_lane_and_its_plan_holds_no_key(store: Store, home: Path) -> None:
    def act(session: Session) -> tuple[object, ...]:
        job = lives.submit(session, asked())
        start = lives.kind(session, "speak").plan(session, job)
        return job.voice, job.gpu_lane, job.title, start

    voice, gpu_lane, title, start = store.write_now(act)
    assert (voice, gpu_lane, title) == ("openai:alloy", False, "say “Good morning.” as openai:alloy")
    assert isinstance(start, wire.Start)
    told = start.remote
    assert (told.engine, told.spec.language, told.spec.speed) == ("openai", "en", 1.0)
    assert (told.speaker.voice, told.speaker.model) == ("alloy", "tts-1")
    assert told.speaker.base_url == "https://api.openai.com/v1"
    assert told.speaker.key_file == str(home / "openai.key")
    assert told.speaker.cache_dir == str(home / "remote" / "openai")
    assert SECRET.encode() not in start.SerializeToString()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (asked(voice="acme:x"), "There is no engine named 'acme' elsewhere. There are: openai, elevenlabs, azure."),
        (asked(voice="openai:"), "names no voice of openai. Write it like openai:alloy."),
        (asked(voice="openai:../x"), "names no voice of openai"),
        (asked(voice="azure:en-US-JennyNeural"), "azure cannot be asked: it is switched off"),
        (asked(version=3), "openai:alloy has no versions"),
        (asked(references=["a"]), "The engine openai speaks as it was trained"),
        (asked(speaker="Bob"), "The engine openai speaks as it was trained"),
        (asked(text=" … "), "nothing to speak"),
        (asked(language="xx"), "does not speak 'xx'"),
        (asked(speed=5.0), "speed must be"),
        (asked(temperature=0.5), "takes no temperature"),
        (asked(options={"top_p": 1.0}), "no openai speech setting named 'top_p'"),
        (asked(text="word " * 5_000), "and this would cost up to 0.38 USD"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(store: Store, spec: pb.JobSpec, words: str) -> None:
    with pytest.raises(MynaError) as refused:
        store.write_now(lambda session: lives.submit(session, spec))
    assert words in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_key_that_others_can_read_is_refused_with_what_to_do(store: Store, home: Path) -> None:
    (home / "openai.key").chmod(0o644)
    with pytest.raises(MynaError) as refused:
        store.write_now(lambda session: lives.submit(session, asked()))
    assert str(refused.value) == (
        f"openai cannot be asked: other users can read the key file {home}/openai.key. `chmod 600 {home}/openai.key`."
    )
    (state, *_) = store.read_now(remote_engines.states)
    assert (state.ready, state.remote.enabled, state.remote.has_key) == (False, True, False)


def test_a_voice_elsewhere_is_no_voice_of_this_home(store: Store) -> None:
    for spec in (
        pb.JobSpec(train=pb.TrainSpec(voice="openai:alloy")),
        pb.JobSpec(export=pb.ExportSpec(voice="openai:alloy", version=1)),
        pb.JobSpec(dataset=pb.DatasetSpec(voice="openai:alloy")),
        pb.JobSpec(derive=pb.DeriveSpec(parent="openai:alloy", voice="ben", pitch=2)),
    ):
        with pytest.raises(MynaError, match="openai, which is elsewhere and only speaks"):
            store.write_now(lambda session, spec=spec: lives.submit(session, spec))
    assert store.read_now(lambda session: [row.name for row in voices.page(session, "", 10)]) == ["anna"]


def test_what_the_provider_took_is_on_the_account_of_who_asked(store: Store) -> None:
    def act(session: Session) -> int:
        job = lives.submit(session, asked())
        kind = lives.kind(session, "speak")
        for sent, saved in ((100, 0), (0, 50), (40, 0)):
            report = wire.Report(charged=wire.Charged(engine="openai", characters=sent, saved=saved))
            kind.commit(session, job, report)
        return job.id

    job = store.write_now(act)
    told = store.read_now(lambda session: charges.of_job(session, job))
    assert told is not None
    assert (told.characters, told.saved, told.cost) == (140, 50, pb.Money(amount=140 * 15 / 1e6, currency="USD"))
    (day,) = store.read_now(lambda session: charges.by_day(session, None, accounts.day_of(now())))
    assert (day.person, day.engine, day.characters, day.day) == ("", "openai", 140, accounts.day_of(now()))


def test_a_budget_is_kept_from_what_was_spent(store: Store) -> None:
    def spend(session: Session) -> None:
        job = lives.submit(session, asked())
        lives.kind(session, "speak").commit(
            session, job, wire.Report(charged=wire.Charged(engine="openai", characters=1_300))
        )

    store.write_now(spend)
    with pytest.raises(QuotaReached) as over:
        store.write_now(lambda session: lives.submit(session, asked("word " * 10)))
    assert over.value.sentence == (
        "Everybody together has spent 0.02 USD of 0.02 USD with openai today, and this would cost up to 0.00075 USD."
    )
    assert over.value.retry_after > 0


def test_a_person_speaks_within_their_own_budget_where_the_owner_lets_people(store: Store) -> None:
    def act(session: Session) -> None:
        job = lives.submit(as_bob(session), asked())
        assert job.person == "bob"
        assert lives.kind(session, "speak").plan(session, job).remote.speaker.person == "bob"
        report = wire.Report(charged=wire.Charged(engine="openai", characters=330))
        lives.kind(session, "speak").commit(session, job, report)

    store.write_now(act)
    with pytest.raises(QuotaReached, match="bob has spent"):
        store.write_now(lambda session: lives.submit(as_bob(session), asked("word " * 10)))
    store.write_now(lambda session: lives.submit(session, asked("word " * 10)))  # the owner's is another
    assert [one.person for one in store.read_now(lambda session: charges.seen(as_bob(session), "alice", ""))] == ["bob"]


def test_what_others_spent_is_told_to_no_person_and_stands_in_no_jobs_error(store: Store, home: Path) -> None:
    def act(session: Session) -> tuple[int, int]:
        speaks = lives.submit(session, asked("word " * 10))
        compares = lives.submit(session, pb.JobSpec(evaluate=comparing()))
        report = wire.Report(charged=wire.Charged(engine="openai", characters=1_330))
        lives.kind(session, "speak").commit(session, speaks, report)
        return speaks.id, compares.id

    (home / "voices" / "anna" / "7").mkdir(parents=True)
    waiting = store.write_now(act)
    with pytest.raises(QuotaReached) as over:
        store.write_now(lambda session: lives.submit(as_bob(session), asked()))
    assert over.value.sentence == "What may be spent with openai today does not reach for this."
    assert over.value.retry_after > 0

    def plan(session: Session, job: int) -> None:
        row = jobs.get(session, job)
        lives.kind(session, row.kind).plan(session, row)

    for job in waiting:
        with pytest.raises(QuotaReached, match=r"^What may be spent with openai today does not reach for this"):
            store.read_now(lambda session, job=job: plan(session, job))


def test_a_person_is_refused_where_the_owner_does_not_let_people(store: Store, home: Path) -> None:
    text = (home / "myna.toml").read_text().replace("people = true", "people = false")
    (home / "myna.toml").write_text(text)
    waiting = store.write_now(lambda session: lives.submit(as_bob(session), asked()).id)
    store.close()
    again = Store(home, settings=settings.load(home))
    try:
        with pytest.raises(NotAllowed, match="bob may not speak with openai"):
            again.write_now(lambda session: lives.submit(as_bob(session), asked()))
        with pytest.raises(MynaError, match="bob may not speak with openai any more"):
            again.read_now(lambda session: remote.plan(session, jobs.get(session, waiting), home, ""))
        (state, *_) = again.read_now(lambda session: remote_engines.states(as_bob(session)))
        assert (state.remote.open, list(state.remote.voices), state.remote.HasField("spent_today")) == (
            False,
            [],
            False,
        )
    finally:
        again.close()


# ----------------------------------------------------------------------------------------------------------- comparing


def comparing() -> pb.EvaluateSpec:
    return pb.EvaluateSpec(voice="anna", version=7, against_voice="openai:alloy")


def test_a_version_is_compared_with_a_voice_elsewhere_in_the_versions_language(store: Store, home: Path) -> None:
    def act(session: Session) -> tuple[str, str, str, wire.Start]:
        kind = lives.kind(session, "evaluate")
        spec = pb.JobSpec(evaluate=comparing())
        voice, title = kind.check(session, spec)
        job = lives.submit(session, spec)
        return voice, title, kind.why_not(session, job), kind.plan(session, job)

    (home / "voices" / "anna" / "7").mkdir(parents=True)
    voice, title, why, start = store.write_now(act)
    assert (voice, title, why) == ("anna", "compare anna@7 with openai:alloy", "")
    plan = start.evaluate
    assert (plan.language, plan.HasField("remote"), plan.other.engine) == ("de", False, "openai")
    assert (plan.other.voice, plan.other.remote.voice, list(plan.other.held_out)) == ("openai:alloy", "alloy", [])
    assert {"Satz 0", "Satz 1"} <= set(plan.texts)
    told = store.read_now(lambda session: remote.priced(session, pb.PriceRequest(evaluate=comparing()), home))
    (price,) = told.prices
    assert price.characters == sum(map(len, plan.texts))
    assert price.sentence.startswith(f"{price.characters:,} characters go to api.openai.com, which costs at most")


def test_a_comparison_over_the_budget_is_refused_before_it_starts(store: Store, home: Path) -> None:
    small = dataclasses.replace(settings.load(home).remote["openai"], budget_a_day=0.0001)

    def act(session: Session) -> None:
        session.info["settings"] = dataclasses.replace(
            session.info["settings"], remote={**session.info["settings"].remote, "openai": small}
        )
        lives.submit(session, pb.JobSpec(evaluate=comparing()))

    with pytest.raises(QuotaReached, match=r"of 0\.00010 USD with openai today, and this would cost"):
        store.write_now(act)


def test_a_comparison_with_what_stays_here_costs_nothing(store: Store, home: Path) -> None:
    here = pb.PriceRequest(speak=pb.SpeakSpec(voice="anna", text="Hello."))
    assert not store.read_now(lambda session: remote.priced(session, here, home)).prices


def test_texts_of_a_voice_that_one_may_not_read_are_not_told_by_voices_elsewhere(store: Store, home: Path) -> None:
    """Both have said them: what they said is held against each other for whoever may read the voice."""
    sides_of = ("openai:alloy", "openai:nova")

    def given(session: Session) -> None:
        lines = [
            {"name": "a", "text": "Satz 0", "spoken": "", "spoken_by_other": "", "scores": {"wer": 0.1},
             "other_scores": {"wer": 0.1}}
        ]  # fmt: skip
        for other in sides_of:
            session.add(
                Comparison(
                    voice="anna", version=7, other_voice=other, other_version=0, job=1, time=now(),
                    report={"recogniser": "somebody", "engines": ["glow", "openai"], "lines": lines},
                )
            )  # fmt: skip

    def compared(session: Session) -> list[str]:
        one, other = sides.pair(session, sides_of[0], 0, 0, sides_of[1])
        return [line.text for line in across.versions(session, one, other, home).lines]

    def shared(session: Session) -> None:
        session.add(Share(voice="anna", person="bob", rights=int(Right.READ), created=now()))

    def as_reader(session: Session) -> Session:
        session.info["caller"] = Caller("bob", Right.SPEAK | Right.READ)
        return session

    store.write_now(given)
    assert store.read_now(compared) == ["Satz 0"]
    assert store.read_now(lambda session: compared(as_reader(session))) == []
    store.write_now(shared)
    assert store.read_now(lambda session: compared(as_reader(session))) == ["Satz 0"]
