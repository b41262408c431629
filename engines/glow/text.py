"""English text as it is spoken: long text becomes sentences, and everything that is not a word becomes one.

Everything after this module sees only words, apostrophes and the marks `, . ? !`; training and speaking use the same functions, so a number
is the same sound in both.
"""

from __future__ import annotations

import re
import unicodedata

from engines.glow import numbers

#: Characters above which a sentence is cut at a comma or, failing that, at a space: nobody speaks longer in one breath.
LONG_SENTENCE = 220

#: Before a name: the stop after them never ends a sentence.
_TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "gen": "general", "col": "colonel",
    "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "rev": "reverend", "hon": "honorable", "gov": "governor", "sen": "senator",
    "pres": "president", "mt": "mount", "st": "saint", "vs": "versus", "approx": "approximately", "dept": "department",
}  # fmt: skip
#: Abbreviations only where a number follows: "no. 5" is a number, "no." an answer.
_BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "fig": "figure", "vol": "volume", "ch": "chapter", "pp": "pages", "p": "page", "sec": "section",
    "mar": "march", "jun": "june", "dec": "december",
}  # fmt: skip
#: May end a sentence, and do if what follows looks like the start of one.
_OTHERS = {
    "etc": "et cetera", "inc": "incorporated", "ltd": "limited", "corp": "corporation", "jr": "junior", "sr": "senior", "ave": "avenue",
    "blvd": "boulevard", "rd": "road", "jan": "january", "feb": "february", "apr": "april", "jul": "july", "aug": "august",
    "sep": "september", "sept": "september", "oct": "october", "nov": "november",
}  # fmt: skip
#: "eigh" is how the letter a is written for the phonemizer, which would read "a" as the article.
_DOTTED = {
    "e.g.": "for example", "i.e.": "that is", "a.m.": "eigh m", "p.m.": "p m", "u.s.a.": "u s eigh", "u.s.": "u s", "u.k.": "u k",
    "ph.d.": "p h d",
}  # fmt: skip
_STARTERS = frozenset(
    re.findall(r"\w+", """
    the a an this that these those it he she they we you i there here then but and so or yet now when where what who why how if in on
    at after before his her their our my its no not nobody everyone some all most both one two as for with do did does is are was were
    will can could would should have has please let never once later today tomorrow yesterday while since because
    """)
)  # fmt: skip
_SYMBOLS = {
    "&": " and ", "%": " percent ", "@": " at ", "+": " plus ", "=": " equals ", "#": " number ", "×": " times ", "÷": " divided by ",
}  # fmt: skip


def sentences(text: str) -> list[str]:
    """Split text into sentences as written, none of them empty. "Dr. Smith paid 3.50 at 5 p.m." is one.

    A blank line, or a line that begins with a bullet, ends a sentence too. One longer than LONG_SENTENCE is cut.
    """
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*•])", _plain(text)):
        paragraph = re.sub(r"\s+", " ", paragraph).strip(" -*•")
        start = 0
        for mark in re.finditer(r"[.?!…]+[\"')\]]*(?=\s)", paragraph):
            if _ends_sentence(paragraph[: mark.start()], mark[0], paragraph[mark.end() :]):
                found.append(paragraph[start : mark.end()].strip())
                start = mark.end()
        found.append(paragraph[start:].strip())
    return [piece for sentence in found if re.search(r"\w", sentence) for piece in _pieces(sentence)]


def normalise(text: str) -> str:
    """One sentence in words: lower case, only letters, apostrophes, spaces and `, . ? !`. Ends with one of `. ? !`, or is empty."""
    text = _abbreviations(_plain(text)).lower()
    text = re.sub(r"(?<=\d)\s*([ap])\.?m\b\.?", lambda match: " eigh m" if match[1] == "a" else " p m", text)
    text = numbers.spoken(text)
    for symbol, word in _SYMBOLS.items():
        text = text.replace(symbol, word)
    text = "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    text = re.sub(r"\.{2,}(?=\s*\S)|[;:()\[\]{}—–]|\s-+\s|…", ", ", text)
    text = re.sub(r"(?<![a-z])'|'(?![a-z])", " ", text)  # quotation marks; an apostrophe has letters on both sides
    text = re.sub(r"(?<![a-z])([a-z])\.", r"\1 ", text)  # initials: "j. k. smith", "n.a.s.a."
    text = re.sub(r"\s+", " ", re.sub(r"[^a-z',.?! ]", " ", text))
    text = re.sub(r"[ ,.?!]*([.?!])[ ,.?!]*", r"\1 ", re.sub(r"\s*(?:,\s*)+", ", ", text)).strip(" ,")
    text = text.lstrip(".?! ")
    return text if not text or text[-1] in ".?!" else text + "."


def _plain(text: str) -> str:
    """Typographic quotes, dashes and spaces as ASCII; double quotes gone."""
    table = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0xA0: " ", 0x202F: " ", 0x2212: "-", 0xFEFF: None, 0xAD: None}
    return unicodedata.normalize("NFC", text).translate(table)


def _abbreviations(text: str) -> str:
    """Abbreviations as words. Their stop goes, unless it is the last mark of the text."""
    for dotted, word in _DOTTED.items():
        text = re.sub(rf"(?<![\w.]){re.escape(dotted)}", f" {word} ", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(St)\.(?!\s*[A-Z])", "street", text)

    def say(match: re.Match[str]) -> str:
        word, rest = match[1].lower(), text[match.end() :].lstrip()
        if word in _BEFORE_NUMBER and rest[:1].isdigit():
            return _BEFORE_NUMBER[word]
        full = _TITLES.get(word) or _OTHERS.get(word)
        return match[0] if full is None else full if rest else full + "."

    return re.sub(r"\b([A-Za-z]+)\.", say, text)


def _ends_sentence(before: str, mark: str, after: str) -> bool:
    """Whether `mark`, between `before` and a space with `after`, ends a sentence."""
    following = after.lstrip(" \"'([")
    if following[:1].islower():
        return False
    if mark[0] != "." or mark.startswith(".."):
        return True
    word = re.split(r"[\s\"'(\[]", before)[-1].lower()
    next_word = re.split(r"[^A-Za-z']", following, maxsplit=1)[0].lower()
    if word in _BEFORE_NUMBER:
        return not following[:1].isdigit()
    if word in _TITLES:
        return False
    if word in _OTHERS or f"{word}." in _DOTTED:
        return next_word in _STARTERS
    return not re.fullmatch(r"[a-hj-z](\.[a-z])*", word)  # initials: "J. Smith"; "I" ends sentences


def _pieces(sentence: str) -> list[str]:
    """A sentence, cut near its middle until every piece can be spoken in one breath."""
    if len(sentence) <= LONG_SENTENCE:
        return [sentence]
    middle = len(sentence) // 2
    for pattern in (r"[;:]\s", r",\s", r"\s", r"."):
        cuts = [match.end() for match in re.finditer(pattern, sentence) if 20 < match.end() < len(sentence) - 20]
        if cuts:
            cut = min(cuts, key=lambda at: abs(at - middle))
            break
    return [piece for half in (sentence[:cut], sentence[cut:]) for piece in _pieces(half.strip()) if re.search(r"\w", piece)]
