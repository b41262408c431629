"""Voices, versions, clips and recordings at the command line."""

from __future__ import annotations

import json

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import Run
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration


def test_versions_show_their_scores_and_the_report_is_printed_as_it_is(myna: Run, stage: Stage) -> None:
    assert "0.250" in myna("versions", "anna").out
    assert myna("version", "anna@7", "--report").out == "# anna v7\n\nIt is better.\n"
    assert "sound" not in myna("version", "anna@7").out, "not known"
    stage.voices.versions["anna"][0].sound.bands = True
    assert "the base's vocoder (none of its own came nearer to the recordings), and bands scaled to the" in " ".join(
        myna("version", "anna@7").out.split()
    )


def test_compare_shows_what_listeners_preferred(myna: Run, stage: Stage) -> None:
    assert "listeners" not in myna("compare", "anna@6", 7).out
    stage.voices.rated = [pb.Rating(voice="anna", a=6, b=7, preferred="b", score_b=4, blind=True)] * 2
    words = myna("compare", "anna@6", 7).out.split("listeners")[1]
    assert ["anna@7", "2", "4.0", "4.0", "to", "4.0", "2"] in [row.split() for row in words.splitlines()]
    assert "anna@7 was preferred 2 of 2 times. (2 ratings, all blind.)" in words
    told = json.loads(myna("compare", "anna@6", 7, "--json").out)
    assert told["ready"]
    assert (told["listeners"]["b"], told["listeners"]["share_b"]) == (2, 1.0)


def test_compare_says_how_sure_each_difference_is(myna: Run, stage: Stage) -> None:
    for row, similarity in zip(stage.voices.versions["anna"], (0.83, 0.8), strict=True):
        row.metrics.update({"similarity": similarity, "dnsmos": 3.0 + similarity})
    stage.voices.sure = {"wer": (-0.06, -0.01), "similarity": (-0.02, 0.08)}
    rows = {row.split()[0]: row for row in myna("compare", "anna@6", 7).out.splitlines() if row.split()}
    assert rows["WER"].split()[-4:] == ["anna@7", "-0.060", "to", "-0.010"]
    assert rows["similarity"].split()[-4:] == ["unsure", "-0.020", "to", "+0.080"]
    assert rows["DNSMOS"].split()[-1] == "anna@7"


def test_compare_takes_a_bare_number_for_the_second(myna: Run, stage: Stage) -> None:
    out = myna("compare", "anna@6", 7).out
    assert "anna@7 is better" in out
    assert "0.500" in out


def test_a_clip_is_found_by_the_beginning_of_its_digest(myna: Run, stage: Stage) -> None:
    ended = myna("clip", "anna", "c0ff", "--text", "hello", "--drop", "--json")
    clip = json.loads(ended.out)
    assert (clip["text"], clip["kept"], clip["sha256"]) == ("hello", False, "c0ffee" * 10)
    assert "no clip abc" in myna("clip", "anna", "abc").err


def test_a_recording_is_taken_out_by_name_or_digest_and_comes_back(myna: Run, stage: Stage) -> None:
    out = myna("remove", "anna", "b.wav")
    assert out.code == 0, out.err
    assert "myna restore anna bbbbbbbbbbbb" in out.out
    assert "b.wav" not in myna("recordings", "anna").out
    assert [
        row["name"] for row in json.loads(myna("recordings", "anna", "--removed", "--json").out) if "removed" in row
    ] == ["b.wav"]
    assert myna("restore", "anna", "bbb").code == 0
    assert "b.wav" in myna("recordings", "anna").out
    missing = myna("remove", "anna", "nothing.wav")
    assert missing.code == 1
    assert "myna recordings anna --removed" in missing.err


def test_recordings_tell_how_they_were_recorded(myna: Run, stage: Stage) -> None:
    stage.datasets.given[0].quality.update({"snr_db": 41.6, "bandwidth_hz": 8_000.0, "clipped_share": 0.0004})
    first, second = myna("recordings", "anna", "--measures").out.splitlines()[1:3]
    assert first.split() == ["aaaaaaaaaaaa", "42", *"--", "0.04%", "-", "8,000", *"----", "a.wav"]
    assert second.split() == ["bbbbbbbbbbbb", *"-" * 10, "b.wav"]


def test_a_new_voice_says_what_there_is_for_its_language(myna: Run, stage: Stage) -> None:
    made = myna("voices", "new", "aino", "--language", "fi", "--engine", "xtts")
    assert made.code == 0, made.err
    assert made.out.splitlines() == [
        "aino is made: /srv/myna/inbox/aino has its voice.toml.",
        "ok       engine: xtts speaks fi. Its base comes with Myna.",
        "note     recogniser: No recogniser here hears fi.",
        "         Put a model there.",
        "Next: myna add aino FILES…",
    ]
    again = myna("voices", "new", "aino")
    assert again.code == 1
    assert again.err == "myna: There is a voice named aino already.\n  Choose another name.\n"
    told = json.loads(myna("voices", "new", "bert", "--json").out)
    assert (told["voice"]["name"], [one["state"] for one in told["findings"]]) == ("bert", ["ok", "note"])


def test_a_voice_is_deleted_only_when_asked_twice_and_comes_back(myna: Run, stage: Stage) -> None:
    refused = myna("voices", "delete", "anna")
    assert refused.code == 1
    assert (
        refused.err
        == "myna: anna was not deleted: nobody can be asked here.\n  Add --yes to delete it without a question.\n"
    )
    assert stage.voices.changed == []
    assert "myna voices restore anna" in myna("voices", "delete", "anna", "--yes").out
    assert myna("voices").out.startswith("No voices yet.")
    assert "anna" in myna("voices", "--deleted").out
    assert "deleted" in json.loads(myna("voices", "--deleted", "--json").out)[0]
    assert myna("voices", "restore", "anna").out.startswith("anna is back.")
    assert "anna" in myna("voices").out
    assert [verb for verb, _, _ in stage.voices.changed] == ["DeleteVoice", "RestoreVoice"]


def test_a_voice_is_renamed_and_json_tells_it(myna: Run, stage: Stage) -> None:
    assert json.loads(myna("voices", "rename", "anna", "berta", "--json").out)["name"] == "berta"
    assert "inbox/anna/" in myna("voices", "rename", "berta", "anna").out
    assert stage.voices.changed == [("RenameVoice berta", "anna", 0), ("RenameVoice anna", "berta", 0)]


def test_compare_takes_versions_of_two_voices(myna: Run, stage: Stage) -> None:
    stage.voices.versions["bob"] = [pb.Version(voice="bob", number=1, metrics={"wer": 0.6})]
    stage.voices.sure = {"wer": (0.05, 0.2)}
    stage.voices.sentence = "anna@6 is clearer than bob@1."
    stage.voices.rated = [pb.Rating(voice="anna", a=6, b=1, preferred="b")]
    out = myna("compare", "anna@6", "bob@1").out
    assert out.splitlines()[0].split()[:4] == ["both", "said", "anna@6", "bob@1"]
    assert "anna@6 is clearer than bob@1." in out
    assert "listeners" not in out, "votes are on versions of one voice"
    told = json.loads(myna("compare", "anna@6", "bob@1", "--json").out)
    assert (told["metrics"][0]["b"], told["metrics"][0]["high"]) == (0.6, 0.2)


def test_compare_score_has_both_voices_speak(myna: Run, stage: Stage) -> None:
    stage.jobs.at_once = True
    assert "anna@7 is better" in myna("compare", "anna@base", "bob@1", "--score").out
    asked = stage.jobs.submitted[-1].spec.evaluate
    assert (asked.voice, asked.version, asked.against, asked.against_voice) == ("anna", 0, 1, "bob")


def test_compare_wants_a_version_of_each(myna: Run, stage: Stage) -> None:
    ended = myna("compare", "anna@6", "bob")
    assert ended.code == 2
    assert "names a voice, not a version" in ended.err
