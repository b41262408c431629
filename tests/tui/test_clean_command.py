"""`myna clean`: what is said of what could not be deleted."""

from __future__ import annotations

import pytest

from proto import myna_pb2 as pb
from tui.commands import clean

pytestmark = pytest.mark.unit


def test_where_nothing_could_be_deleted_nobody_is_told_that_there_was_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = "a.tar cannot be deleted: Permission denied."
    clean.tell(pb.CleanResponse(failed=[refused]), False, "freed")
    said = capsys.readouterr()
    assert refused in said.err
    assert "nothing to clean" not in said.out
    clean.tell(pb.CleanResponse(), False, "would free", clean.NOTHING_OLD)
    assert "There is nothing to clean: nothing is older" in capsys.readouterr().out
