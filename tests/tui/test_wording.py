"""Words, tables, JSON and version names: one module each, no process."""

from __future__ import annotations

import json
import math

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from proto import myna_pb2 as pb
from proto.channel import ClientError
from tui import as_json, names, output, wording

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (3.24, "3.2 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599, "59 min"),
        (7500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (2_100_000_000, "2.1 GB"), (139e9, "139 GB"), (5e18, "5000 PB")]
)
def test_sizes_read_as_on_the_box(size: float, words: str) -> None:
    assert wording.size(size) == words


def test_progress_says_how_far_and_how_long_still() -> None:
    assert (
        wording.progress(pb.Progress(done=120, total=500, unit="steps", eta_seconds=200))
        == "120 of 500 steps, 3 min 20 s left"
    )
    assert wording.progress(pb.Progress()) == ""


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        (pb.Clip(text_source="given", trust="given"), "supplied"),
        (pb.Clip(text_source="person", trust="person"), "edited by hand"),
        (pb.Clip(text_source="whisper", trust="low"), "whisper (low trust)"),
        (pb.Clip(), ""),
    ],
)
def test_a_transcript_says_where_it_is_from(clip: pb.Clip, words: str) -> None:
    assert wording.transcript(clip) == words


@pytest.mark.parametrize(("by", "words"), [("a person", "by a person"), ("client disconnected", "client disconnected")])
def test_a_cancelled_job_says_who_or_what_ended_it(by: str, words: str) -> None:
    ended = pb.Job(status=pb.JobStatus(cancelled=pb.JobStatus.Cancelled(by=by)))
    assert wording.detail(ended) == words


@pytest.mark.parametrize(
    ("text", "number"), [("anna", 0), ("anna@7", 7), ("anna@v7", 7), ("anna@base", names.BASE), ("anna@0", names.BASE)]
)
def test_a_version_is_named_after_an_at(text: str, number: int) -> None:
    assert names.parse(text) == names.Named("anna", number)


@pytest.mark.parametrize("text", ["", "@7", "anna@", "anna@seven", "anna@-1", "anna@7@8", "anna@99999999999"])
def test_what_names_no_version_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ClientError, match="@7"):
        names.parse(text)


def test_json_keeps_numbers_as_numbers_and_times_as_iso() -> None:
    job = pb.Job(id=2**40, kind=pb.TRAIN, submitted=Timestamp(seconds=0, nanos=500_000_000))
    job.status.running.progress.eta_seconds = math.nan
    plain = json.loads(as_json.line(job))
    assert plain["id"] == 2**40
    assert plain["kind"] == "train"
    assert plain["submitted"] == "1970-01-01T00:00:00.500000Z"
    progress = {"done": 0.0, "total": 0.0, "unit": "", "sentence": "", "eta_seconds": None}
    assert plain["status"] == {"running": {"progress": progress, "transition": "transition_unspecified"}}
    assert "spec" not in plain


def test_json_of_maps_and_bytes_can_always_be_read_back() -> None:
    plain = json.loads(as_json.line(pb.IngestSpec(voice="anna", files=[b"caf\xe9.wav"])))
    assert plain["files"] == ["caf\\xe9.wav"]
    assert json.loads(as_json.line(pb.Dataset(dropped={"too-short": 2})))["dropped"] == {"too-short": 2}


def test_a_table_aligns_numbers_right_and_wide_letters_by_their_columns(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "name"), [(7, "アンナ"), (1_000, "bob")])
    head, first, second = capsys.readouterr().out.splitlines()
    assert first == "   7  アンナ"
    assert second == "1000  bob"
    assert head == "  id  name"
    assert output.width("アンナ") == 6


def test_an_empty_table_says_what_to_do_instead(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id",), [], "No jobs yet.")
    assert capsys.readouterr().out == "No jobs yet.\n"


def test_control_characters_are_shown_not_sent() -> None:
    assert output.safe("a\x1b[2Jb\nc\u202e") == "a\\x1b[2Jb c\\u202e"
