"""What `myna doctor` tells of fast paths: which are used, which are not, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.machine import fast_paths
from engines.fast_paths.record import FILE, Card, FastPath, Outcome, Proof, Records

pytestmark = pytest.mark.unit
CARD = Card("NVIDIA RTX 4090", "GPU-1", "580.1", "2.13.0")


def test_nothing_is_told_where_nothing_was_tried(tmp_path: Path) -> None:
    assert fast_paths.findings(tmp_path) == []
    (tmp_path / FILE).write_text("{")
    assert fast_paths.findings(tmp_path) == []


def test_what_was_tried_is_told_with_what_came_of_it(tmp_path: Path) -> None:
    records = Records(tmp_path / FILE)
    records.put(Proof(FastPath.FUSED, "", CARD, Outcome.EQUAL, 1e-6, 1e-4))
    records.put(Proof(FastPath.GRAPHS, "xtts, fp32", CARD, Outcome.RAISED, error="RuntimeError: no kernel"))
    used, unused = fast_paths.findings(tmp_path)
    assert (used.name, used.state, used.hint) == ("gpu fused-adamw", "ok", "")
    assert used.sentence == "The fused optimizer gives what the plain way gives on NVIDIA RTX 4090, and is used."
    assert (unused.name, unused.state) == ("gpu decode-graphs", "note")
    assert "fails on NVIDIA RTX 4090 (RuntimeError: no kernel): the plain way is used." in unused.sentence
    assert "myna doctor --gpu" in unused.hint


@pytest.mark.parametrize("path", list(FastPath))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_path_and_outcome_has_its_words(path: FastPath, outcome: Outcome) -> None:
    told = fast_paths.sentence(Proof(path, "", CARD, outcome))
    assert told[0].isupper()
    assert told.endswith(".")
