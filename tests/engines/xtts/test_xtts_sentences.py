"""How text becomes the stretches that XTTS speaks, in its languages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from engines.errors import BadInput
from engines.xtts import network, sentences, tokens
from engines.xtts.info import INFO
from engines.xtts.languages import LANGUAGES, expected_seconds, language

#: Something in each language, with a number where the cleaners know numbers.
SPOKEN = {
    "en": "Hello, Dr. Smith paid $3.50.", "es": "¿Qué hora es? Son las 5.", "fr": "Ça va bien, merci.", "de": "Am 3. Mai war es schön.",
    "it": "Perché no?", "pt": "Não há 5 maçãs.", "pl": "Dzień dobry, 12 osób.", "tr": "Bugün hava güzel, İyi günler.",
    "ru": "Привет, как дела? 5 минут.", "nl": "Het is 3 uur.", "cs": "Dobrý den, 5 minut.", "ar": "مرحبا، كيف حالك؟ 5",
    "zh": "你好，今天是5月3日。", "hu": "Jó napot, 5 perc.", "ko": "안녕하세요. 오늘은 5월입니다.", "ja": "こんにちは。今日は3日です。",
    "hi": "नमस्ते, आप कैसे हैं? 5 मिनट।",
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Any:
    return network.read_tokenizer(tiny)


def split(text: str, code: str = "en") -> list[str]:
    return sentences.split(text, language(code))


def test_a_text_is_parted_at_its_sentences() -> None:
    assert split("The boat came in before the storm. Who has the key to the harbour? Nobody knew who had it, it seems!") == [
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
    assert split("No. I will not go there again, whatever you say.") == ["No. I will not go there again, whatever you say."]
    assert split("I will not go there again, whatever you say. No.") == ["I will not go there again, whatever you say. No."]


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_stretch_is_longer_than_the_language_allows(code: str) -> None:
    spoken = language(code)
    for text in (
        " ".join(["wordy"] * 300) + ".",
        "x" * 1000,
        ", ".join(["some more words of it"] * 60),
        "字" * 500 + "，" + "字" * 300,
    ):
        parted = sentences.split(text, spoken)
        assert max(map(len, parted)) <= spoken.longest
        assert "".join(parted).replace(" ", "") == text.replace(" ", "")


def test_a_long_sentence_is_cut_at_its_commas() -> None:
    text = "It was late when they came down to the water, " * 8 + "and nobody spoke."
    assert all(piece.endswith((",", ".")) for piece in split(text))


@pytest.mark.parametrize("text", ["", "   \n\n", "...", "— — —", "?!"])
def test_a_text_without_words_has_no_stretches(text: str) -> None:
    assert split(text) == []


def test_there_are_all_seventeen_languages() -> None:
    assert set(LANGUAGES) == set(INFO.languages) == set(SPOKEN)
    assert language("pt-BR").code == "pt"
    assert language("zh-cn").code == "zh"
    with pytest.raises(BadInput, match="does not speak 'sv'"):
        language("sv")


@pytest.mark.parametrize("code", sorted(set(LANGUAGES) - {"ja", "zh"}))
def test_every_language_can_be_spelt(code: str, tokenizer: Any) -> None:
    ids = tokens.encode(tokenizer, SPOKEN[code], code)
    spelt = tokenizer.decode(ids)
    assert spelt.startswith(f"[{code}]")
    assert not any(character.isdigit() for character in spelt), "numbers are words"


@pytest.mark.parametrize(("code", "package"), [("ja", "cutlet"), ("zh", "pypinyin")])
def test_a_language_whose_package_is_not_here_says_which(code: str, package: str, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(BadInput, match=f"needs the package {package}") as problem:
        tokens.encode(network.read_tokenizer(tiny), SPOKEN[code], code)
    assert "myna-voice[languages]" in problem.value.hint


@pytest.mark.parametrize(("code", "package", "spelt"), [("ja", "cutlet", "konnichiha"), ("zh", "pypinyin", "[zh-cn]ni3hao3")])
def test_with_the_package_it_is_spelt_as_it_sounds(code: str, package: str, spelt: str, tokenizer: Any) -> None:
    pytest.importorskip(package)
    assert spelt in tokenizer.decode(tokens.encode(tokenizer, SPOKEN[code], code))


def test_longer_texts_and_numbers_take_longer() -> None:
    english = language("en")
    assert 1.5 < expected_seconds("The boat came in before the storm.", english) < 4
    assert expected_seconds("It was 1984.", english) > expected_seconds("It was late.", english) + 0.5
    assert expected_seconds("今天的天气非常好我们去公园。", language("zh")) > 2
