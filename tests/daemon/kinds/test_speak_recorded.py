"""A recording in place of a text, before a worker is bothered: what is asked for of it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import lives
import pytest
from empty_converter import empty_converter

from daemon.database.models import Job
from daemon.database.store import Store
from daemon.errors import BadRequest, MynaError, NotFound, NotNow
from daemon.home import heard_files
from daemon.kinds.speak import server
from daemon.machine.disk_space import DiskSpace
from daemon.state.status import Error
from engines.openvoice.info import INFO
from proto import myna_pb2 as pb
from proto import passes

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has files of the converter's names: the daemon looks no further."""
    return empty_converter(tmp_path / "converter", monkeypatch)


def sent(home: Path, *after: str, **more: object) -> pb.JobSpec:
    """What is asked for of a recording that came."""
    incoming = heard_files.Incoming(home, DiskSpace(home, 0))
    incoming.add(b"x" * 1_200_000)
    incoming.end()
    return pb.JobSpec(speak=pb.SpeakSpec(recording=incoming.name, after=passes.read(after), **more))  # type: ignore[arg-type]


def checked(store: Store, what: pb.JobSpec) -> tuple[str, str]:
    return store.read_now(lambda session: lives.kind(session, "speak").check(session, what))


def test_a_recording_becomes_a_plan_of_the_voice_that_it_is_to_sound_like(anna: Store, tmp_path: Path) -> None:
    what = sent(tmp_path, "convert:anna", "enhance", seed=3)
    assert checked(anna, what) == ("anna", "convert 1.2 MB of sound to anna, enhanced")
    row = Job(spec=what.SerializeToString(), voice="anna", person="")
    plan = anna.read_now(lambda session: lives.kind(session, "speak").plan(session, row)).speak
    assert (plan.engine, plan.version_name) == ("", "anna")
    assert Path(plan.recording).stat().st_size == 1_200_000
    assert [one.WhichOneof("pass") for one in plan.after] == ["convert", "enhance"]
    need = anna.read_now(lambda s: server.Speak.gpu_memory(lives.kind(s, "speak"), s, row))  # type: ignore[arg-type]
    assert need.bytes == INFO.speak_memory, "nobody speaks"


@pytest.mark.parametrize(
    ("after", "more", "kind", "words"),
    [
        ((), {}, BadRequest, "Nothing says whom the recording is to sound like. Name a voice: convert:VOICE"),
        (("enhance",), {}, BadRequest, "Nothing says whom the recording is to sound like."),
        (
            ("convert:anna",),
            {"text": "Hello."},
            BadRequest,
            "A recording keeps its words and how they are said: text cannot be given with it. Leave it out.",
        ),
        (("convert:anna",), {"speed": 2.0}, BadRequest, "A recording keeps its words and how they are said: speed"),
        (("convert:carla",), {}, NotFound, "There is no voice named 'carla'"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    anna: Store, tmp_path: Path, after: tuple[str, ...], more: dict[str, object], kind: type[MynaError], words: str
) -> None:
    with pytest.raises(kind) as refused:
        checked(anna, sent(tmp_path, *after, **more))
    assert str(refused.value).startswith(words)


def test_without_the_converters_base_a_sentence_says_how_to_get_it(
    anna: Store, tmp_path: Path, converter: Path
) -> None:
    (converter / "checkpoint.pth").unlink()
    with pytest.raises(NotNow, match="`myna engines fetch openvoice` gets it"):
        checked(anna, sent(tmp_path, "convert:anna"))


def test_a_recording_that_is_gone_is_to_be_sent_again(anna: Store, tmp_path: Path) -> None:
    what = sent(tmp_path, "convert:anna")
    heard_files.path(tmp_path, what.speak.recording).unlink()
    with pytest.raises(NotNow, match="The recording that was sent is not here any more"):
        checked(anna, what)
    with pytest.raises(BadRequest, match="no sound file that was sent"):
        checked(anna, pb.JobSpec(speak=pb.SpeakSpec(recording="../myna.db", after=passes.read(["convert:anna"]))))


def test_a_conversion_that_failed_is_not_tried_again_without_its_recording(anna: Store, tmp_path: Path) -> None:
    what = sent(tmp_path, "convert:anna")
    job = anna.write_now(lambda session: lives.submit(session, what).id)

    def failed(session: object) -> None:
        lives.fail(session, session.get(Job, job), Error("engine", "It broke.", "", ""))  # type: ignore[arg-type, attr-defined]

    anna.write_now(failed)
    with pytest.raises(NotNow, match=f"The recording of job {job} is not kept. Send it again: `myna convert FILE`."):
        anna.write_now(lambda session: lives.lifecycle(session).retry(session, session.get(Job, job)))  # type: ignore[arg-type]
