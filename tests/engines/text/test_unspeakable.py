"""What an engine cannot say is found before it speaks, by a function that the server process can call."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import registry
from engines.errors import BadInput
from engines.glow import text as glow
from engines.text import unspeakable
from engines.text.unspeakable import Why, find, names, without
from engines.xtts import text as xtts
from engines.xtts.info import INFO as XTTS
from tests.engines.xtts.test_xtts_sentences import SPOKEN

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("engine", ["glow", "xtts"])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("日本Hello", ["日本"]),
        ('One <break time="0.5s"/> two </p>', ['<break time="0.5s"/>', "</p>"]),
        ("Well <break> done", ["<break>"]),
        ("😀", ["😀"]),
        ("Fine 👩‍🚀👍🏽 work ☀️!", ["👩‍🚀👍🏽", "☀️"]),
        ("Ωμέγα, 5 ‰, § 3", ["Ωμέγα", "‰", "§"]),
        ("It is 3 < 4 and 5 > 2, a<b, c>d; see <3", []),
        ("Café “naïve” — it’s £3.50… 21°C! ¿No? (1/2) e.g. 50 % & more", []),
    ],
)
def test_what_cannot_be_said_is_found_and_nothing_else(engine: str, text: str, found: list[str]) -> None:
    stretches = registry.unspeakable(engine, text, "en")
    assert [stretch.text for stretch in stretches] == found
    assert all(text[stretch.start : stretch.end] == stretch.text for stretch in stretches)


@pytest.mark.parametrize("code", XTTS.languages)
def test_xtts_says_all_of_each_of_its_languages(code: str) -> None:
    assert xtts.unspeakable(SPOKEN[code], code) == ()
    assert [one.text for one in xtts.unspeakable("日本 Hello", code)] == (
        [] if code in ("zh", "ja", "ko") else ["日本"]
    )


def test_letters_signs_and_markup_are_told_apart() -> None:
    assert [(one.text, one.why) for one in glow.unspeakable("日本😀<br/><p>")] == [
        ("日本", Why.LETTERS), ("😀", Why.SIGNS), ("<br/>", Why.MARKUP), ("<p>", Why.MARKUP),
    ]  # fmt: skip


@given(st.text(max_size=60))
def test_nothing_that_the_embedded_engine_would_lose_goes_unnoticed(text: str) -> None:
    """A letter or digit of any script becomes a sound, or is found, and not both."""
    found = {index: one.why for one in glow.unspeakable(text) for index in range(one.start, one.end)}
    for index, character in enumerate(text):
        if character.isalnum() and found.get(index) is not Why.MARKUP:
            spoken = bool(glow.normalise(character))
            assert spoken is (index not in found), (character, unicodedata.name(character, "?"))


def test_a_long_hostile_text_takes_no_longer_than_a_long_one() -> None:
    """The daemon asks while others wait: 100,000 characters, each another one that cannot be said, or the beginning of
    a mark."""
    for text in (
        "".join(chr(0x4E00 + number % 20_000) for number in range(100_000)),
        "<a " * 33_000,
        "<a" + " a=''" * 20_000,
    ):
        for engine in ("glow", "xtts", "fish"):
            began = time.process_time()
            assert len(registry.unspeakable(engine, text, "en")) <= 1
            assert time.process_time() - began < 5, "it took twelve when stretches grew by copying"


@given(st.text(alphabet=st.sampled_from("ab 日é😀\u0301<>/p"), max_size=20))
def test_what_is_left_out_is_what_was_found(text: str) -> None:
    stretches = find(text, str.isascii)
    assert [one.start for one in stretches] == sorted(one.start for one in stretches)
    left = without(text, stretches)
    assert not find(left, str.isascii) or "<" in left, "a mark may be put together by what stood in it"
    assert sum(map(len, (one.text for one in stretches))) + len(left) == len(text) + len(stretches)


def test_where_nothing_is_left_that_is_a_sentence() -> None:
    text = "日本 <break/> 日本"
    with pytest.raises(BadInput) as refused:
        unspeakable.speakable("glow", text, glow.unspeakable(text))
    assert str(refused.value) == "The engine glow cannot say “日本” and “<break/>”, and nothing else is in this text."
    assert unspeakable.speakable("glow", "日本Hello", glow.unspeakable("日本Hello")).split() == ["Hello"]
    assert names(glow.unspeakable("😀 ☀ ☁ ☂ ☃ ☄ ★")) == "“😀”, “☀”, “☁”, “☂”, “☃” and 2 more"


def test_the_server_can_ask_without_anything_heavy() -> None:
    ask = "[registry.unspeakable(one.name, 'a 日 5', 'en') for one in registry.having(registry.Capability.SPEAKS)]"
    heavy = "sorted({'torch', 'numpy', 'TTS', 'tokenizers', 'transformers'} & set(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", f"import sys; from engines import registry; {ask}; print({heavy})"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == "[]"
