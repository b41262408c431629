"""The benchmarks of datasets: what becomes of planted recordings, and what is said of them."""

from __future__ import annotations

import pytest

from benchmarks import judged_datasets
from benchmarks.planted_recordings import HALF_TEXT, STRANGER, Judged, Planted, judged
from engines.cutting.clips import CutClip
from engines.judging.limits import Limits
from engines.judging.quality import Quality
from engines.judging.reasons import Reason
from engines.judging.verdict import KEPT, Facts

pytestmark = pytest.mark.unit


def clip(sha256: str, snr_db: float = 40.0, text: str = "Somebody said this.") -> CutClip:
    quality = Quality(rms_db=-23, peak=0.5, snr_db=snr_db, clipped_share=0.0, chars_per_second=12.0)
    facts = Facts(2.0, 1.6, False, text, True, False, None, None, quality, False)
    return CutClip(0.0, 2.0, text, KEPT, "given", "given", None, sha256, quality, None, "", (), facts, b"", b"")


def test_each_recording_gets_its_clips_back_judged_alone_and_beside_the_others() -> None:
    found = judged([[clip("a")], [clip("b", snr_db=4.0), clip("c")], [], [clip("a")]], "xtts", Limits())
    assert [[one.reason for one in of] for of in found] == [[None], [Reason.NOISY, None], [], [Reason.DUPLICATE]]


def test_a_clip_that_is_bad_by_itself_is_no_duplicate_of_a_good_one() -> None:
    found = judged([[clip("a", snr_db=4.0)], [clip("a")]], "xtts", Limits())
    assert [of[0].reason for of in found] == [Reason.NOISY, None]


def test_what_judging_overlooked_and_what_it_lost_are_told() -> None:
    having = [Planted(defect, [], "") for defect in ("", "", STRANGER, STRANGER, HALF_TEXT)]  # type: ignore[arg-type]
    reasons = [None, Reason.ODD_PACE, Reason.OTHER_SPEAKER, None, Reason.ODD_PACE]
    told = judged_datasets.found_in_words(having, [[Judged(clip("a"), reason)] for reason in reasons])
    assert told == "2 of 3 spoilt recordings and 1 of 2 clean ones are dropped; spoilt and kept: 1 another speaker"
