"""Passes after speech, before a worker is bothered: what they need, whose voice may be used, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import lives
import pytest
from empty_converter import empty_converter
from sqlalchemy.orm import Session
from voice_rows import sha, version

from daemon.database.models import Job, Voice, now
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotFound, NotNow
from daemon.kinds.speak import server
from daemon.state import consent_notes
from engines import registry
from engines.openvoice.info import INFO
from proto import myna_pb2 as pb
from proto import passes

pytestmark = pytest.mark.integration


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has files of the converter's names: the daemon looks no further."""
    return empty_converter(tmp_path / "converter", monkeypatch)


@pytest.fixture
def voices(anna: Store) -> Store:
    """anna has datasets; bob has nothing but his name."""

    def given(session: Session) -> None:
        session.add(Voice(name="bob", language="en", engine="glow", options={}, created=now()))

    anna.write_now(given)
    return anna


def spec(*after: str, voice: str = "bob") -> pb.JobSpec:
    return pb.JobSpec(speak=pb.SpeakSpec(voice=voice, text="Good morning.", after=passes.read(after)))


def checked(store: Store, what: pb.JobSpec) -> tuple[str, str]:
    return store.read_now(lambda session: lives.kind(session, "speak").check(session, what))


def test_passes_become_a_plan_in_their_order_and_a_title(voices: Store, converter: Path) -> None:
    what = spec("enhance,convert:anna")
    assert checked(voices, what) == ("bob", "say “Good morning.” as bob@base, enhanced, converted to anna")
    plan = voices.read_now(lambda s: lives.kind(s, "speak").plan(s, Job(spec=what.SerializeToString(), person="")))
    first, second = plan.speak.after
    assert first.HasField("enhance")
    assert (second.convert.engine, second.convert.voice) == ("openvoice", "anna")


def test_the_sound_is_taken_from_clips_of_the_newest_dataset_and_never_from_held_out_ones(
    voices: Store, converter: Path
) -> None:
    what = spec("convert:anna")
    checked(voices, what)
    plan = voices.read_now(lambda s: lives.kind(s, "speak").plan(s, Job(spec=what.SerializeToString(), person="")))
    given = {ref.sha256 for ref in plan.speak.after[0].convert.reference}
    assert given == {sha(f"old{i}") for i in range(8)} | {sha("new0"), sha("new1")}
    assert sha("held") not in given


def test_or_from_the_recordings_that_its_voice_toml_names(voices: Store, converter: Path) -> None:
    voices.write_now(lambda s: s.get(Voice, "anna").__setattr__("options", {"reference": ["old3.wav"]}))
    what = spec("convert:anna")
    plan = voices.read_now(lambda s: lives.kind(s, "speak").plan(s, Job(spec=what.SerializeToString(), person="")))
    assert [ref.sha256 for ref in plan.speak.after[0].convert.reference] == [sha("old3")]


def test_of_a_version_from_what_that_was_trained_on(voices: Store, converter: Path) -> None:
    def given(session: Session) -> None:
        version(session, 1, data=1)
        version(session, 2, parent=1, data=0)  # of a package

    voices.write_now(given)
    what = spec("convert:anna@1")
    assert checked(voices, what)[1].endswith(", converted to anna@1")
    plan = voices.read_now(lambda s: lives.kind(s, "speak").plan(s, Job(spec=what.SerializeToString(), person="")))
    assert plan.speak.after[0].convert.voice == "anna@1"
    assert {ref.sha256 for ref in plan.speak.after[0].convert.reference} == {sha(f"old{i}") for i in range(8)}
    with pytest.raises(NotNow, match="What anna@2 was trained on is not here"):
        checked(voices, spec("convert:anna@2"))


def test_the_converter_that_is_named_converts_be_it_not_the_first_that_is_ready(
    voices: Store, converter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(INFO, name="knn", weights=())
    monkeypatch.setitem(registry.ENGINES, "knn", other)
    for asked, engine in (("convert:anna", "openvoice"), ("convert:anna:knn", "knn")):
        what = spec(asked)
        checked(voices, what)
        plan = voices.read_now(
            lambda s, what=what: lives.kind(s, "speak").plan(s, Job(spec=what.SerializeToString(), person=""))
        )  # type: ignore[misc]
        assert plan.speak.after[0].convert.engine == engine
    with pytest.raises(BadRequest, match="No engine named 'ears' converts"):
        checked(voices, spec("convert:anna:ears"))
    (converter / "checkpoint.pth").unlink()
    checked(voices, spec("convert:anna"))
    with pytest.raises(NotNow, match="the base of openvoice is not here"):
        checked(voices, spec("convert:anna:openvoice"))


def test_a_voice_may_be_brought_nearer_to_its_own_recordings(voices: Store, converter: Path) -> None:
    assert checked(voices, spec("convert:anna", voice="anna"))[1].endswith(", converted to anna")


def test_enhancing_needs_no_converter(voices: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked(voices, spec("enhance"))[1] == "say “Good morning.” as bob@base, enhanced"


@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        (spec("convert:anna@9"), NotFound, "anna has no version 9. `myna versions anna`"),
        (spec("convert:anna:glow"), BadRequest, "No engine named 'glow' converts. These do: openvoice."),
        (spec("convert:openai:alloy"), BadRequest, "No engine named 'alloy' converts. These do: openvoice."),
        (
            pb.JobSpec(
                speak=pb.SpeakSpec(
                    voice="bob", text="Hi.", after=[pb.Pass(convert=pb.ConvertPass(voice="anna", version=-1))]
                )
            ),
            BadRequest,
            "There is no version -1. `myna versions anna`",
        ),
        (spec("enhance,enhance"), BadRequest, "The pass enhance is there twice. Give each pass once."),
        (spec("convert:anna,convert:bob"), BadRequest, "The pass convert is there twice. Give each pass once."),
        (
            pb.JobSpec(speak=pb.SpeakSpec(voice="bob", text="Hello.", after=[pb.Pass()])),
            BadRequest,
            "A pass after speech names nothing to do. There are: convert:VOICE, enhance.",
        ),
        (spec("convert:carla"), NotFound, "There is no voice named 'carla'"),
        (spec("convert:bob", voice="anna"), NotNow, "bob has no clips that speech could sound like. `myna add bob"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    voices: Store, converter: Path, what: pb.JobSpec, kind: type[MynaError], words: str
) -> None:
    with pytest.raises(kind) as refused:
        checked(voices, what)
    assert str(refused.value).startswith(words)


def test_without_the_converters_base_a_sentence_says_how_to_get_it(voices: Store, converter: Path) -> None:
    (converter / "checkpoint.pth").unlink()
    with pytest.raises(NotNow) as refused:
        checked(voices, spec("convert:anna"))
    assert str(refused.value).startswith(
        "Speech cannot be converted yet: the base of openvoice is not here: `myna engines fetch openvoice` gets it"
    )


def test_where_no_engine_converts_that_is_a_sentence(voices: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(registry.ENGINES, "openvoice")
    with pytest.raises(NotNow, match="Speech cannot be converted yet: no engine here converts"):
        checked(voices, spec("convert:anna"))


def test_the_other_voice_needs_a_consent_note_where_the_site_wants_one(
    voices: Store, converter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consent_notes, "is_required", lambda session: True)
    voices.write_now(lambda session: consent_notes.write(session, "bob", "Bob himself.", "me"))
    checked(voices, spec("enhance"))
    with pytest.raises(NotNow, match="anna has no consent note"):
        checked(voices, spec("convert:anna"))
    what = spec("convert:anna")
    with pytest.raises(NotNow, match="anna has no consent note"):
        voices.read_now(lambda s: lives.kind(s, "speak").plan(s, Job(spec=what.SerializeToString(), person="")))


def test_a_conversion_wants_the_converters_memory_too(voices: Store) -> None:
    def need(what: pb.JobSpec) -> Callable[[Session], int]:
        job = Job(spec=what.SerializeToString(), voice="bob")
        return lambda session: server.Speak.gpu_memory(lives.kind(session, "speak"), session, job).bytes

    alone = voices.read_now(need(spec("enhance")))
    assert voices.read_now(need(spec("convert:anna"))) == alone + INFO.speak_memory


def test_a_voice_cannot_be_of_an_engine_that_only_converts(voices: Store) -> None:
    voices.write_now(lambda s: s.get(Voice, "bob").__setattr__("engine", "openvoice"))
    with pytest.raises(BadRequest, match="The engine openvoice only converts; it cannot speak a text"):
        checked(voices, spec())
