"""How text becomes the stretches that are spoken in one go."""

from __future__ import annotations

import pytest

from engines.glow import text as glow
from engines.text import sentences
from engines.xtts.languages import LANGUAGES, language


def split(text: str, code: str = "en") -> list[str]:
    """As XTTS has it."""
    return sentences.split(text, code, language(code).longest, together=True)


def test_a_text_is_parted_at_its_sentences() -> None:
    assert split(
        "The boat came in before the storm. Who has the key to the harbour? Nobody knew who had it, it seems!"
    ) == [
        "The boat came in before the storm.",
        "Who has the key to the harbour?",
        "Nobody knew who had it, it seems!",
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "Yesterday Dr. Smith met Mr. J. R. Jones of the U.S. Navy at 5 p.m. and paid 3.50 for it."),
        ("de", "Am 3. Mai ist Herr Dr. Müller mit dem Zug nach Berlin gefahren."),
        ("fr", "Il a dit que M. Dupont et Mme. Moreau viendraient demain matin."),
        ("es", "La Dra. Martínez y el Sr. García llegaron ayer por la noche."),
    ],
)
def test_a_stop_inside_a_sentence_does_not_end_it(code: str, text: str) -> None:
    assert split(text, code) == [text]


@pytest.mark.parametrize(
    ("code", "text", "count"),
    [
        ("zh", "今天的天气非常好我们去公园。你明天要和谁一起去哪里玩呢？", 2),
        ("ja", "今日はとても良い天気ですね。明日はどこに行きますか？", 2),
        ("ar", "مرحبا، كيف حالك اليوم يا صديقي؟ أنا بخير والحمد لله.", 2),
        ("hi", "आज मौसम बहुत अच्छा है। हम सब बाहर जाना चाहते हैं।", 2),
        ("ko", "오늘은 날씨가 정말 좋습니다. 우리는 공원에 갑니다.", 2),
    ],
)
def test_the_marks_of_other_scripts_end_sentences(code: str, text: str, count: int) -> None:
    parted = split(text, code)
    assert len(parted) == count
    assert "".join(parted).replace(" ", "") == text.replace(" ", "")


def test_a_very_short_sentence_is_spoken_with_its_neighbour() -> None:
    assert split("No. I will not go there again, whatever you say.") == [
        "No. I will not go there again, whatever you say."
    ]
    assert split("I will not go there again, whatever you say. No.") == [
        "I will not go there again, whatever you say. No."
    ]


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_stretch_is_longer_than_the_language_allows(code: str) -> None:
    for text in (
        " ".join(["wordy"] * 300) + ".",
        "x" * 1000,
        ", ".join(["some more words of it"] * 60),
        "字" * 500 + "，" + "字" * 300,
    ):
        parted = split(text, code)
        assert max(map(len, parted)) <= language(code).longest
        assert "".join(parted).replace(" ", "") == text.replace(" ", "")


def test_a_long_sentence_is_cut_at_its_commas() -> None:
    text = "It was late when they came down to the water, " * 8 + "and nobody spoke."
    assert all(piece.endswith((",", ".")) for piece in split(text))


@pytest.mark.parametrize("text", ["", "   \n\n", "...", "— — —", "?!"])
def test_a_text_without_words_has_no_stretches(text: str) -> None:
    assert split(text) == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("He left at 5 p.m. Then it rained all night.", ["He left at 5 p.m.", "Then it rained all night."]),
        ("See No. 5. It is red.", ["See No. 5.", "It is red."]),
        ('"Really?" he asked. "Yes!"', ['"Really?" he asked.', '"Yes!"']),
        ("Prof. Moriarty and Lt. Columbo met on Main St. in Jan. 1984.", None),
    ],
)
def test_all_engines_part_english_alike(text: str, parts: list[str] | None) -> None:
    assert sentences.split(text, "en", 250) == glow.sentences(text) == (parts or [text])


def test_abbreviations_that_are_spoken_as_words_do_not_end_sentences() -> None:
    """The words are the engine's, where sentences end is everybody's: neither knows one that the other does not."""
    spoken = {*glow._TITLES, *glow._BEFORE_NUMBER, *glow._OTHERS, *(dotted.rstrip(".") for dotted in glow._DOTTED)}
    assert spoken <= {*sentences._NEVER["en"], *sentences._BEFORE_NUMBER, *sentences._BEFORE_START}


def test_an_abbreviation_of_finnish_or_swedish_ends_no_sentence() -> None:
    finnish = ["Tule esim. Anna mukaan klo 8.", "Se on n. 5 km päässä.", "Ks. Liite."]
    assert sentences.split(" ".join(finnish), "fi", 200) == finnish
    assert sentences.split("Det är t.ex. Anna kl. 8. Hej.", "sv", 200) == ["Det är t.ex. Anna kl. 8.", "Hej."]
