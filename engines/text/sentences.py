"""Text into the stretches that are spoken in one go, for every engine and language: sentences as written, long ones
cut, and very short ones together with a neighbour where an engine wants that. Imports nothing heavy.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Abbreviations that stand before something and never end a sentence, without their stop.
_NEVER = {
    "en": _words("mr mrs ms dr drs prof gen maj col capt lt sgt rev hon gov sen pres mt st vs approx dept"),
    "es": _words("sr sra dr dra st co jr ltd"),
    "fr": _words("mr mme dr st co jr ltd"),
    "de": _words("fr dr st co jr"),
    "pt": _words("sr sra dr dra st co jr ltd"),
    "it": _words("sig dr st co jr ltd"),
    "pl": _words("p m dr sw jr"),
    "cs": _words("dr ing p"),
    "nl": _words("dhr mevr dr jhr"),
    "tr": _words("b byk dr"),
    "hu": _words("dr b nőv"),
    "fi": _words("esim mm ks vrt ns nk huom ts toim em ko nyk puh ml n s v nro tri prof"),
    "sv": _words("t.ex bl.a dvs s.k kl ca nr dr prof"),
    "da": _words("f.eks bl.a kl ca nr dr prof"),
    "no": _words("f.eks bl.a kl ca nr dr prof"),
}
#: Abbreviations of English that end a sentence unless a number follows: "no. 5" is a number, "no." an answer.
_BEFORE_NUMBER = _words("no nos fig vol ch pp p sec mar jun dec")
#: Abbreviations of English that end a sentence only where what follows looks like the start of one.
_BEFORE_START = _words(
    """etc inc ltd corp co esq ft jr sr ave blvd rd jan feb apr jul aug sep sept oct nov
    e.g i.e a.m p.m u.s.a u.s u.k ph.d"""
)
_STARTERS = _words(
    """the a an this that these those it he she they we you i there here then but and so or yet now when where what who
    why how if in on at after before his her their our my its no not nobody everyone some all most both one two as for
    with do did does is are was were will can could would should have has please let never once later today tomorrow
    yesterday while since because"""
)
#: Languages that write "the 3rd" as "3.".
_ORDINAL_STOP = {"de", "cs", "hu", "pl", "tr"}
#: Languages that write no spaces between words.
_UNSPACED = {"zh", "ja"}
#: A sentence shorter than this share of the longest is spoken together with a neighbour …
_SHORT = 0.1
#: … as long as the two stay below this share.
_TOGETHER = 0.6
_CLOSING = r"[\"'”’»)\]」』】]*"
_END = re.compile(rf"[。！？｡]+{_CLOSING}|[.?!…؟۔।॥]+{_CLOSING}(?=\s|$)")
#: Where a long sentence may be cut, the better places first.
_CUTS = (r"[;:؛；：—–]\s*|[、，]", r"[,،]\s", r"\s", r".")


def split(text: str, language: str, longest: int, *, together: bool = False) -> list[str]:
    """Stretches of text as written, each with a word in it and at most `longest` characters; none for a text without
    words.

    `language` is an ISO 639-1 code. A blank line, or a line that begins with a bullet, ends a sentence too. `together`:
    very short sentences are joined with the one before them, or the first with the one after it, for engines that hear
    nothing of what came before a stretch: "No." alone carries no context.
    """
    sentences = [
        sentence
        for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*•])", text)
        for sentence in _sentences(paragraph, language)
    ]
    spoken = [sentence for sentence in sentences if re.search(r"\w", sentence)]
    if together:
        spoken = _joined(spoken, language, longest)
    return [piece for sentence in spoken for piece in cut(sentence, longest)]


def cut(sentence: str, longest: int) -> list[str]:
    """A sentence in pieces of at most `longest` characters, cut near the middle; pieces without a word are left out."""
    if len(sentence) <= longest:
        return [sentence]
    first, second = halves(sentence)
    return [piece for half in (first, second) for piece in cut(half, longest) if re.search(r"\w", piece)]


def halves(sentence: str) -> tuple[str, str]:
    """Two parts of a sentence of two characters or more, at the best place in its middle half."""
    middle = len(sentence) / 2
    for pattern in _CUTS:
        places = [
            match.end() for match in re.finditer(pattern, sentence) if abs(match.end() - middle) <= max(1, middle / 2)
        ]
        if places:
            break
    place = min(places, key=lambda at: abs(at - middle))
    return sentence[:place].strip(), sentence[place:].strip()


def _sentences(paragraph: str, language: str) -> list[str]:
    paragraph = re.sub(r"\s+", " ", paragraph).strip(" -*•")
    found, start = [], 0
    for mark in _END.finditer(paragraph):
        if _ends(paragraph, mark, language):
            found.append(paragraph[start : mark.end()].strip())
            start = mark.end()
    return [*found, paragraph[start:].strip()]


def _ends(paragraph: str, mark: re.Match[str], language: str) -> bool:
    """Whether a mark ends a sentence: a stop may also belong to "Dr.", "J.", "3." or stand before a small letter."""
    following = paragraph[mark.end() :].lstrip(" \"'“‘«([")
    if following[:1].islower() and mark[0][0] not in "。！？｡":
        return False
    if mark[0][0] != "." or mark[0].startswith(".."):
        return True
    word = re.split(r"[\s\"'“‘«(\[]", paragraph[: mark.start()])[-1]
    if language in _ORDINAL_STOP and word.isdigit():
        return not following
    if word.lower() in _NEVER.get(language, ()):
        return not following
    if language == "en" and word.lower() in _BEFORE_NUMBER:
        return not following[:1].isdigit()
    if language == "en" and word.lower() in _BEFORE_START:
        return re.split(r"[^A-Za-z']", following, maxsplit=1)[0].lower() in _STARTERS
    return word == "I" or not re.fullmatch(r"[^\W\d_](\.[^\W\d_])*", word)  # initials: "J. Smith"


def _joined(sentences: list[str], language: str, longest: int) -> list[str]:
    """Very short sentences with the one before them or, the first, after it."""
    joined: list[str] = []
    for sentence in sentences:
        short = longest * _SHORT
        if (
            joined
            and min(len(sentence), len(joined[-1])) < short
            and len(joined[-1]) + len(sentence) < longest * _TOGETHER
        ):
            joined[-1] += ("" if language in _UNSPACED else " ") + sentence
        else:
            joined.append(sentence)
    return joined
