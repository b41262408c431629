"""Page tokens and sizes: what is one, what is none, and where a list ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import BadRequest
from daemon.state import paging

pytestmark = pytest.mark.unit


@given(st.integers(0, paging.GREATEST))
def test_a_token_is_the_number_it_writes(number: int) -> None:
    assert paging.number(str(number)) == number


@given(st.text() | st.integers(max_value=-1).map(str) | st.integers(min_value=paging.GREATEST + 1).map(str))
def test_any_other_token_is_refused(token: str) -> None:
    if not (token == "" or (token.isascii() and token.isdigit() and int(token) <= paging.GREATEST)):
        with pytest.raises(BadRequest):
            paging.number(token)


@pytest.mark.parametrize("token", ["²", "٣", "99999999999999999999", "9" * 5_000, "1_0", "+1", " 1"])
def test_what_python_alone_takes_for_digits_is_no_token(token: str) -> None:
    with pytest.raises(BadRequest):
        paging.number(token)


def test_a_page_that_holds_all_has_no_token() -> None:
    assert paging.cut([1, 2, 3], 3, lambda row: row) == ([1, 2, 3], "")
    assert paging.cut([1, 2, 3, 4], 3, lambda row: row) == ([1, 2, 3], "3")


def test_a_size_is_bounded() -> None:
    assert [paging.size(asked) for asked in (0, 1, 2**32 - 1)] == [paging.USUAL, 1, paging.MOST]
