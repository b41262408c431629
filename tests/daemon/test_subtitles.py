"""Texts with times (`.srt`, `.vtt`), and the lists of audiofolders: read, kept with their recording, and cut by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inbox_workshop import Workshop, write_wav

from daemon.inbox import metadata_list, subtitles, transcripts
from daemon.inbox.folder import InboxFolder
from daemon.inbox.transcripts import BadTranscript
from daemon.state import recordings

pytestmark = pytest.mark.integration

Alive = Callable[..., None]

SRT = """1
00:00:00,500 --> 00:00:01,250
The small boat
left the harbour.

2
00:00:02,000 --> 00:00:03,900 X1:10 X2:20
<i>She wrote</i> a long {\\an8}letter.
"""
VTT = """WEBVTT - a title

NOTE
00:00:00.000 --> 00:00:09.000
Not said.

STYLE
::cue { color: red }

intro
00:00.500 --> 00:01.250 align:start position:0%
<v Anna>The small boat</v>
left the harbour.

00:02.000 --> 01:00:03.900
She <00:00:02.500>wrote a long&nbsp;letter &amp; left.
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_subrip_says_what_is_said_and_when(ends: str) -> None:
    assert subtitles.read("\ufeff" + SRT.replace("\n", ends)) == [
        (0.5, 1.25, "The small boat left the harbour."),
        (2.0, 3.9, "She wrote a long letter."),
    ]


def test_webvtt_without_its_notes_styles_and_marks() -> None:
    assert subtitles.read(VTT) == [
        (0.5, 1.25, "The small boat left the harbour."),
        (2.0, 3603.9, "She wrote a long letter & left."),
    ]


def test_captions_that_roll_up_are_said_once() -> None:
    rolling = [("0", "1", "one"), ("1", "2", "one\ntwo"), ("2", "3", "two\nthree"), ("3", "4", "three")]
    text = "\n\n".join(f"00:00:0{a},000 --> 00:00:0{b},000\n{words}" for a, b, words in rolling)
    assert [cue.text for cue in subtitles.read(text)] == ["one", "two", "three"]


def test_sounds_that_nobody_says_and_cues_that_go_backwards_are_left_out() -> None:
    text = (
        "00:00:01,000 --> 00:00:02,000\n[Music]\n\n00:00:03,000 --> 00:00:02,000\nBack.\n\n"
        "00:00:04,000 --> 00:00:05,000\n- (laughs) Hello. ♪ la la ♪\n7\n00:00:06,000 --> 00:00:07,000\nBye.\n"
    )
    assert [cue.text for cue in subtitles.read(text)] == ["Hello.", "Bye."]


def test_hostile_subtitles_take_no_time() -> None:
    for text in ("<" * 400_000, "00:00:01,000 --> " * 40_000, "[" * 400_000, "(" * 400_000, "♪" * 400_000):
        assert subtitles.read(f"00:00:01,000 --> 00:00:02,000\n{text}\n") is not None


def test_subtitles_without_times_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "anna"
    folder.mkdir(parents=True)
    (folder / "a.srt").write_text("Only words.\n")
    with pytest.raises(BadTranscript, match="no words with their times"):
        transcripts.read_transcript(InboxFolder(tmp_path, "anna"), b"a.srt")


@pytest.mark.parametrize("name", ["a.srt", "a.VTT"])
def test_subtitles_beside_a_recording_are_its_text_with_times(alive: Alive, name: str) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav", seconds=4.0)
        (workshop.anna / name).write_text(SRT if name.endswith("srt") else VTT)
        await workshop.all()
        (row,) = workshop.recordings()
        assert row.text is not None
        assert row.text.startswith("The small boat left the harbour. She wrote")
        assert row.text_from == name
        assert row.cues[0] == [0.5, 1.25, "The small boat left the harbour."]
        assert workshop.left() == []

    alive(scenario)


def test_subtitles_that_come_later_have_the_recording_cut_again(alive: Alive) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav", seconds=4.0)
        await workshop.all()
        workshop.store.write_now(lambda s: setattr(s.merge(workshop.recordings()[0]), "cut", recordings.now()))
        (workshop.anna / "a.srt").write_text(SRT)
        await workshop.all()
        (row,) = workshop.recordings()
        assert (len(row.cues), row.cut, workshop.left()) == (2, None, [])
        (workshop.anna / "a.txt").write_text("Other words.")
        await workshop.all()
        (row,) = workshop.recordings()
        assert (row.text, row.cues) == ("Other words.", [])

    alive(scenario)


def test_a_plain_text_goes_before_subtitles(alive: Alive) -> None:
    async def scenario(workshop: Workshop) -> None:
        write_wav(workshop.anna / "a.wav", seconds=4.0)
        (workshop.anna / "a.txt").write_text("As it was written.")
        (workshop.anna / "a.srt").write_text(SRT)
        await workshop.wait(4.0)
        await workshop.work()
        (row,) = workshop.recordings()
        assert row.text == "As it was written."

    alive(scenario)


# ------------------------------------------------------------------------------------------------------ audiofolders


def entries(text: str, *, jsonl: bool = False) -> list[tuple[int, str, str]]:
    return list(metadata_list.entries(iter(text.splitlines(keepends=True)), jsonl=jsonl))


@pytest.mark.parametrize("column", ["text", "transcription", "sentence"])
def test_columns_are_known_by_their_headings(column: str) -> None:
    text = f'\ufefffile_name,speaker,{column}\na.wav,anna,"One, two"\n\nb.wav,anna\n"c.wav",anna,"Said ""so"""\n'
    assert entries(text.removeprefix("\ufeff")) == [
        (2, "a.wav", "One, two"),
        (4, "b.wav", ""),
        (5, "c.wav", 'Said "so"'),
    ]


def test_a_text_over_two_lines_is_one_text() -> None:
    assert entries('text,file_name\n"One\ntwo",a.wav\nThree,b.wav\n') == [
        (3, "a.wav", "One two"),
        (4, "b.wav", "Three"),
    ]


def test_lines_of_json() -> None:
    lines = [json.dumps({"file_name": "a.wav", "transcription": "One"}), "", "[1]", "{", json.dumps({"text": "two"})]
    assert entries("\n".join(lines), jsonl=True) == [(1, "a.wav", "One"), (3, "", ""), (4, "", ""), (5, "", "two")]


def test_a_comma_in_an_ljspeech_list_makes_no_table_of_it() -> None:
    assert entries("a|One, two\n") == [(1, "a", "One, two")]
    assert entries("id|text, really\na|One\n") == [(2, "a", "One")]


def listed(name: str, rows: dict[str, str]) -> str:
    if name.endswith("jsonl"):
        return "".join(json.dumps({"file_name": file, "text": text}) + "\n" for file, text in rows.items())
    return "file_name,text\n" + "".join(f'{file},"{text}"\n' for file, text in rows.items())


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
@pytest.mark.parametrize("top", [True, False], ids=["one list on top", "a list in each split"])
def test_an_audiofolder_in_the_inbox_is_taken_with_its_texts(alive: Alive, name: str, top: bool) -> None:
    async def scenario(workshop: Workshop) -> None:
        splits: dict[str, dict[str, str]] = {}
        for pitch, split in enumerate(("train", "train", "validation")):
            write_wav(workshop.anna / "set" / split / f"{pitch}.wav", pitch=200.0 + pitch)
            splits.setdefault(split, {})[f"{pitch}.wav"] = f"Line, number {pitch}"
        if top:
            every = {f"{split}/{file}": text for split, rows in splits.items() for file, text in rows.items()}
            (workshop.anna / "set" / name).write_text(listed(name, every))
        else:
            for split, rows in splits.items():
                (workshop.anna / "set" / split / name).write_text(listed(name, rows))
        await workshop.all()
        await workshop.all()
        found: dict[str, Any] = {row.name: row.text for row in workshop.recordings()}
        assert found == {
            "set/train/0.wav": "Line, number 0",
            "set/train/1.wav": "Line, number 1",
            "set/validation/2.wav": "Line, number 2",
        }
        assert workshop.left() == []
        assert workshop.refused() == {}

    alive(scenario)
