"""How much of each language XTTS takes at a time."""

from __future__ import annotations

from dataclasses import dataclass

from engines.errors import BadInput


@dataclass(frozen=True)
class Language:
    """One of the seventeen."""

    code: str  #: ISO 639-1
    longest: int  #: characters of text that are safe to speak in one go, as Coqui's tokenizer has them


LANGUAGES = {
    language.code: language
    for language in (
        Language("en", 250),
        Language("es", 239),
        Language("fr", 273),
        Language("de", 253),
        Language("it", 213),
        Language("pt", 203),
        Language("pl", 224),
        Language("tr", 226),
        Language("ru", 182),
        Language("nl", 251),
        Language("cs", 186),
        Language("ar", 166),
        Language("zh", 82),
        Language("hu", 224),
        Language("ko", 95),
        Language("ja", 71),
        Language("hi", 150),
    )
}


def language(code: str) -> Language:
    """Of "pt", "pt-BR" or "zh-cn". Raises BadInput for one that XTTS does not speak."""
    found = LANGUAGES.get(code.replace("_", "-").split("-")[0].lower())
    if found is None:
        raise BadInput(f"XTTS does not speak {code!r}.", f"It speaks {', '.join(LANGUAGES)}.")
    return found
