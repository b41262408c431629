"""How much of each language XTTS takes at a time, and how fast it is spoken."""

from __future__ import annotations

from dataclasses import dataclass

from engines.errors import BadInput


@dataclass(frozen=True)
class Language:
    """One of the seventeen."""

    code: str  #: ISO 639-1
    longest: int  #: characters of text that are safe to speak in one go, as Coqui's tokenizer has them
    pace: float  #: characters spoken in a second by somebody who reads aloud, spaces counted
    digit: float = 5.0  #: characters that a digit is worth when it is spoken


LANGUAGES = {
    language.code: language
    for language in (
        Language("en", 250, 15.0),
        Language("es", 239, 16.0),
        Language("fr", 273, 16.0),
        Language("de", 253, 15.0),
        Language("it", 213, 15.5),
        Language("pt", 203, 15.5),
        Language("pl", 224, 14.5),
        Language("tr", 226, 14.5),
        Language("ru", 182, 14.0),
        Language("nl", 251, 15.0),
        Language("cs", 186, 14.0),
        Language("ar", 166, 11.0),
        Language("zh", 82, 4.5, 1.0),
        Language("hu", 224, 14.5),
        Language("ko", 95, 7.0, 1.0),
        Language("ja", 71, 7.0, 1.5),
        Language("hi", 150, 12.0),
    )
}


def language(code: str) -> Language:
    """Of "pt", "pt-BR" or "zh-cn". Raises BadInput for one that XTTS does not speak."""
    found = LANGUAGES.get(code.replace("_", "-").split("-")[0].lower())
    if found is None:
        raise BadInput(f"XTTS does not speak {code!r}.", f"It speaks {', '.join(LANGUAGES)}.")
    return found


def expected_seconds(text: str, spoken: Language) -> float:
    """How long a text takes to read aloud, within a factor of two."""
    letters = sum(character.isalpha() or character.isspace() for character in text)
    digits = sum(character.isdigit() for character in text)
    return (letters + digits * spoken.digit) / spoken.pace
