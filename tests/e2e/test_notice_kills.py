"""Notices while mynad is killed again and again: each arrives once, in order."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.daemon.receivers import receiver
from tests.e2e.notice_siege import Siege

pytestmark = pytest.mark.e2e


@pytest.mark.long
def test_mynad_killed_while_it_tells_leaves_each_notice_once_and_in_order(tmp_path: Path) -> None:
    with receiver() as there:
        tally = Siege(tmp_path / "home", there, random.Random(1)).run(2)
    assert tally.holds, tally
    assert tally.happened > 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_kills_of_mynad_leave_each_notice_once_and_in_order(tmp_path: Path) -> None:
    with receiver() as there:
        tally = Siege(tmp_path / "home", there, random.Random(2)).run(50)
    assert tally.holds, tally
    assert tally.happened > 50


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_of_the_sender_too_lose_nothing_and_what_comes_twice_can_be_told(tmp_path: Path) -> None:
    with receiver() as there:
        tally = Siege(tmp_path / "home", there, random.Random(3), senders=True).run(20)
    assert (tally.lost, tally.unmarked, tally.in_order) == (0, 0, True), tally
