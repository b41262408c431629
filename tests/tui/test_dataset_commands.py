"""`myna datasets calibrate` and `report`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from tests.tui.conftest import Run
from tests.tui.stage.server import Stage
from tui.calibration import histogram

pytestmark = pytest.mark.integration


@pytest.fixture
def workshop(stage: Stage) -> Stage:
    """A voice with a dataset; one clip is kept, one was dropped."""
    stage.datasets.datasets = [pb.Dataset(voice="anna", number=3, clips=1, seconds=3.0)]
    for clip, snr in zip(stage.datasets.clips, (40.0, 4.0), strict=True):
        clip.quality["snr_db"] = snr
    stage.datasets.sounds[stage.datasets.clips[0].sha256] = b"fLaC" * 100
    return stage


def test_a_calibration_tells_spreads_effects_and_what_they_come_to(myna: Run, workshop: Stage) -> None:
    ended = myna("datasets", "calibrate", "anna", "--set", "noisy=12")
    assert ended.code == 0, ended.err
    assert "speech above the noise (dB)" in ended.out
    assert "noisy = 12" in ended.out
    assert "These limits keep 1 of 2 clips (3.0 s); 6% of the length is removed." in ended.out
    assert "Nothing is changed: [dataset] in the voice's voice.toml would hold noisy = 12." in ended.out


def test_a_calibration_for_scripts(myna: Run, workshop: Stage) -> None:
    found = json.loads(myna("datasets", "calibrate", "anna", "--json").out)
    assert (found["clips"], found["kept"]) == (2, 1)


def test_what_is_no_pair_is_wrong_usage(myna: Run, workshop: Stage) -> None:
    assert myna("datasets", "calibrate", "anna", "--set", "noisy").code == 2


def test_a_voice_is_cut_again(myna: Run, workshop: Stage) -> None:
    ended = myna("datasets", "recut", "anna")
    assert ended.code == 0, ended.err
    assert "Follow it: myna logs 900 -f" in ended.out
    assert workshop.jobs.submitted[-1].spec.dataset == pb.DatasetSpec(voice="anna", recut=True)


def test_a_report_is_a_folder_with_page_numbers_picture_and_sounds(myna: Run, workshop: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    ended = myna("datasets", "report", "anna", "--into", str(folder))
    assert ended.code == 0, ended.err
    assert "6% of 3.2 s was removed, most of it as too-short." in ended.out
    page = (folder / "report.md").read_text()
    assert "# Dataset #3 of anna" in page
    assert "| dropped as too-short | 1 | 0.2 s |" in page
    assert "| to train on | 2 | 7 | ʒ |" in page
    assert "- A beige garage." in page
    assert json.loads((folder / "report.json").read_text())["dropped"] == {"too-short": {"clips": 1, "seconds": 0.2}}
    assert (folder / "histograms.png").read_bytes().startswith(b"\x89PNG")
    (sound,) = (folder / "clips").iterdir()
    assert sound.read_bytes() == b"fLaC" * 100


def test_a_report_says_of_how_many_clips_noise_was_taken_out(myna: Run, workshop: Stage, tmp_path: Path) -> None:
    workshop.datasets.clips[0].quality["denoised_db"] = 21.0
    myna("datasets", "report", "anna", "--into", str(tmp_path))
    page = (tmp_path / "report.md").read_text()
    assert "Noise was taken out of 1 of 1 clips; the recordings are as they were." in page
    assert json.loads((tmp_path / "report.json").read_text())["denoised_clips"] == 1


def test_a_report_of_no_dataset_is_a_sentence(myna: Run, workshop: Stage, tmp_path: Path) -> None:
    ended = myna("datasets", "report", "anna", "9", "--into", str(tmp_path / "report"))
    assert ended.code == 1
    assert "anna has no dataset #9." in ended.err
    assert not (tmp_path / "report").exists()


def test_datasets_of_a_voice_are_listed_without_a_verb(myna: Run, workshop: Stage) -> None:
    assert "#3" in myna("datasets", "anna").out
    assert myna("datasets", "anna").out == myna("datasets", "list", "anna").out


def test_a_part_of_a_histogram_that_holds_anything_is_seen() -> None:
    assert histogram([0, 1, 1000]) == " ▁█"
    assert histogram([]) == ""


def test_what_to_read_next_is_told_with_what_is_missing(myna: Run, stage: Stage) -> None:
    told = myna("datasets", "wanted", "anna", "-n", 2).out
    assert "anna #4" in told
    assert "b 1, ə 12" in told  # the rarest first
    assert "Not counted, for no dictionary has them: xqzvy." in told
    assert [line.strip() for line in told.splitlines()[-2:]] == ["A beige garage.   (new: ʒ)", "Sentence 2."]
    assert len(json.loads(myna("datasets", "wanted", "anna", "--json").out)["sentences"]) == 10
    assert myna("datasets", "wanted", "anna", "-n", 0).code == 2


def two_speakers(workshop: Stage) -> None:
    first, second = (pb.Clip(sha256=one * 32, recording_name="talk.wav", end=4.0) for one in ("aa", "bb"))
    workshop.datasets.speakers = [
        pb.Speaker(clips=20, seconds=80.0, recordings=1, likeness=1.0, example=first),
        pb.Speaker(clips=12, seconds=48.0, recordings=1, likeness=0.6, example=second),
    ]


def test_who_speaks_is_told_and_another_one_chosen(myna: Run, workshop: Stage) -> None:
    two_speakers(workshop)
    told = myna("datasets", "speakers", "anna")
    assert told.code == 0, told.err
    assert "a guess: who says most, for every recording has several speakers" in told.out
    assert "Is it another one? `myna datasets speakers anna --own N` says so." in told.out
    chosen = json.loads(myna("datasets", "speakers", "anna", "--own", "2", "--json").out)
    assert workshop.datasets.own_speaker == "bb" * 32
    assert [one["clips"] for one in chosen["speakers"]] == [12, 20]
    assert "as you said" in myna("datasets", "speakers", "anna").out
    assert myna("datasets", "speakers", "anna", "--own", "0").code == 0
    assert workshop.datasets.own_speaker == ""
    wrong = myna("datasets", "speakers", "anna", "--own", "3")
    assert wrong.code == 1
    assert "anna has no speaker 3: 2 speakers can be told apart" in wrong.err


def test_too_few_clips_to_tell_who_speaks_is_a_sentence(myna: Run, workshop: Stage) -> None:
    assert "anna has too few clips to tell whose voices are in them." in myna("datasets", "speakers", "anna").out


def test_a_report_tells_of_several_speakers_only(myna: Run, workshop: Stage, tmp_path: Path) -> None:
    myna("datasets", "report", "anna", "--into", str(tmp_path / "one"))
    assert "## Speakers" not in (tmp_path / "one" / "report.md").read_text()
    two_speakers(workshop)
    myna("datasets", "report", "anna", "--into", str(tmp_path / "two"))
    page = (tmp_path / "two" / "report.md").read_text()
    assert "2 people speak in the recordings as they are now." in page
    assert "| 2 | 12 | 48 s | 1 | 0.60 |" in page
    numbers = json.loads((tmp_path / "two" / "report.json").read_text())
    assert (len(numbers["speakers"]), numbers["own_speaker_by"]) == (2, "most")
    workshop.datasets.by, workshop.datasets.missing, workshop.datasets.everybody = 99, True, True
    myna("datasets", "report", "anna", "--into", str(tmp_path / "newer"))
    page = (tmp_path / "newer" / "report.md").read_text()
    assert "Whom a person called the voice's own is not heard in them. The voice's own is the first: by a newer" in page
    assert "Others are kept, too;" in page
    told = myna("datasets", "speakers", "anna").out
    assert "Whom you called the voice's own is not heard in the recordings." in told
    assert "kept, too" in told
    assert "left out" not in told
