"""A clip with nothing wrong, which the tests here spoil."""

from __future__ import annotations

from engines.judging.quality import Quality
from engines.judging.verdict import Facts

GOOD = Quality(
    rms_db=-23.0, peak=0.5, snr_db=40.0, clipped_share=0.0, chars_per_second=14.0,
    bandwidth_hz=9_000.0, rt60=0.25, edge_db=-40.0,
)  # fmt: skip
FACTS = Facts(
    seconds=4.0, speech=3.5, too_long=False, text="hello there", text_given=True, text_shared=False,
    heard=None, cer=None, quality=GOOD, silent=False,
)  # fmt: skip
