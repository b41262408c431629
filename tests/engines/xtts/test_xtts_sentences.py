"""How text is spelt for XTTS, in its languages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from engines.errors import BadInput
from engines.text.pace import expected_seconds
from engines.text.unspeakable import without
from engines.xtts import network, tokens
from engines.xtts import text as light
from engines.xtts.engine import XttsEngine
from engines.xtts.info import INFO
from engines.xtts.languages import LANGUAGES, language

#: Something in each language, with a number where the cleaners know numbers.
SPOKEN = {
    "en": "Hello, Dr. Smith paid $3.50.", "es": "¿Qué hora es? Son las 5.", "fr": "Ça va bien, merci.",
    "de": "Am 3. Mai war es schön.", "it": "Perché no?", "pt": "Não há 5 maçãs.", "pl": "Dzień dobry, 12 osób.",
    "tr": "Bugün hava güzel, İyi günler.", "ru": "Привет, как дела? 5 минут.", "nl": "Het is 3 uur.",
    "cs": "Dobrý den, 5 minut.", "ar": "مرحبا، كيف حالك؟ 5", "zh": "你好，今天是5月3日。", "hu": "Jó napot, 5 perc.",
    "ko": "안녕하세요. 오늘은 5월입니다.", "ja": "こんにちは。今日は3日です。", "hi": "नमस्ते, आप कैसे हैं? 5 मिनट।",
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(tiny: Path) -> Any:
    return network.read_tokenizer(tiny)


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


def test_characters_that_only_the_vocabulary_knows_it_lacks_are_found_before_speaking(engine: XttsEngine) -> None:
    text = "A {boat} 😀 <break> came | in."
    with pytest.raises(BadInput, match="vocabulary cannot spell"):
        tokens.encode(network.read_tokenizer(engine.base_dir()), "A {boat}", "en")
    found = engine.unspeakable(text, "en")
    assert [one.text for one in found] == ["{", "}", "😀", "<break>", "|"]
    assert [one.text for one in light.unspeakable(text, "en")] == ["😀", "<break>"], (
        "what the daemon can tell without the base"
    )
    assert tokens.encode(network.read_tokenizer(engine.base_dir()), without(text, found), "en")
    assert engine.unspeakable("Hello.", "tlh") == ()


@pytest.mark.parametrize(("code", "package"), [("ja", "cutlet"), ("zh", "pypinyin")])
def test_a_language_whose_package_is_not_here_says_which(
    code: str, package: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(BadInput, match=f"needs the package {package}") as problem:
        tokens.encode(network.read_tokenizer(tiny), SPOKEN[code], code)
    assert "myna-voice[languages]" in problem.value.hint


@pytest.mark.parametrize(
    ("code", "package", "spelt"), [("ja", "cutlet", "konnichiha"), ("zh", "pypinyin", "[zh-cn]ni3hao3")]
)
def test_with_the_package_it_is_spelt_as_it_sounds(code: str, package: str, spelt: str, tokenizer: Any) -> None:
    pytest.importorskip(package)
    assert spelt in tokenizer.decode(tokens.encode(tokenizer, SPOKEN[code], code))


def test_longer_texts_and_numbers_take_longer() -> None:
    assert 1.5 < expected_seconds("The boat came in before the storm.", "en") < 4
    assert expected_seconds("It was 1984.", "en") > expected_seconds("It was late.", "en") + 0.5
    assert expected_seconds("今天的天气非常好我们去公园。", "zh") > 2
