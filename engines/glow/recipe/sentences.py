"""Everyday English sentences for the base's corpus, drawn from our own grammar and word lists with a fixed seed.

Two styles, which "mixed" takes by turns. "plain" is what the grammar says, a third of it with words drawn at random
from gruut's lexicon. Its few hundred words are soon known by heart, and an encoder that knows words by heart stumbles
over new ones; so "varied" strings function words and fifteen thousand common words together: nonsense with the sound
of English. How common a word is, the language model in pocketsphinx's wheel says.
"""

from __future__ import annotations

import random
import sqlite3
from functools import lru_cache
from pathlib import Path


def _split(words: str, mark: str = " ") -> list[str]:
    return words.split(mark)


_NAMES = _split(
    "Anna Robert Maria James Chloe Victor Joyce Hugo Irene Thomas Zoe Leo Ruth George Daisy "
    "Owen Paula Jack Sheila Martin "
    "Yvonne Keith Louise Edward Beth Charles Fiona Peter Vivian Walter"
)
_SURNAMES = _split(
    "Baker Young Hughes Fox Thatcher Moore Walsh King Jefferson Shaw Peterson Wright O'Neill Chambers Dubois Vaughn"
)
_PLACES = _split(
    "the garden;the old harbor;the kitchen;the train station;the village;the museum;the "
    "north shore;the attic;the market;"
    "the library;the valley;the office;our house;the river;the theater;a small cafe;the "
    "airport;the bridge;the playground;"
    "the workshop;Boston;Chicago;Paris;Oregon;Vienna;Asia;the hospital;the church yard;the beach;the next room;"
    "the university",
    ";",
)
_ADJECTIVES = _split(
    "quick quiet bright heavy young ancient narrow gentle yellow huge foolish clever frozen "
    "cheap thick smooth rough golden "
    "usual strange loyal busy purple enormous ordinary cheerful shallow vague thirsty royal awful healthy fresh wooden "
    "careful"
)
_NOUNS = _split(
    "dog boat letter window garden teacher judge chair pictures engine kettle orange jacket "
    "thunderstorm village blanket "
    "measure voice finger mountain feather question treasure machine bottle shoe cousin piano story doctor bird cloud "
    "ticket basket camera village church lawyer horse problem watch pencil bridge soldier "
    "beach cake jury song newspaper "
    "mushroom toy leather glove oyster youth"
)
_PAST = _split(
    "found;painted;watched;carried;forgot;measured;borrowed;followed;chose;described;enjoyed;bought;pushed;washed;judged;"
    "answered;caught;destroyed;repaired;remembered;showed me;gave back;threw away;laughed at;talked about;looked for;"
    "paid for;worried about;moved",
    ";",
)
_PRESENT = _split(
    "finds;watches;carries;forgets;measures;borrows;follows;chooses;enjoys;buys;pushes;washes;repairs;remembers;shows;"
    "throws away;laughs at;talks about;looks for;worries about;needs;likes;uses",
    ";",
)
_BASE = _split(
    "find watch carry forget measure borrow follow choose enjoy buy push wash repair remember show "
    "throw catch join use hide change"
)
_ADVERBS = _split(
    "yesterday;this morning;very slowly;without a word;once again;every other week;as "
    "usual;quite often;before breakfast;"
    "after the game;with both hands;for the third time;in the evening;just in time;all by herself;on Thursday;"
    "against our advice;behind the barn",
    ";",
)
_CLAUSES = _split(
    "because it was late;although nobody asked;while the children were asleep;when the rain stopped;if you don't mind;"
    "since the road was closed;before the shop opened;so that everyone could hear;as soon as the music began;"
    "unless the weather changes;until the fire went out",
    ";",
)
_OPENERS = _split(
    "Of course;In fact;By the way;To be honest;After a while;On the other hand;As far as I "
    "know;Fortunately;For example;"
    "Sooner or later;Years ago;In my opinion;Oddly enough",
    ";",
)
_SUBJECTS = _split(
    "I;you;we;they;she;he;my brother;her uncle;the whole team;our neighbor;nobody;everyone;the new manager;the boys",
    ";",
)
_FUNCTION = _split(
    "the of and to in a is was for with on at by from that it he she they we you I not but or his "
    "her their this had have has were are"
    " would could will into over under about after if when who which there some no my our your an "
    "be been do did can so as than then"
)
_MONTHS = _split("January February March April May June July August September October November December")
_FIXED = _split(
    "How are you doing today?;Thank you very much for your help.;I would rather stay at home tonight.;"
    "Could you please pass me the salt?;What time does the next bus leave?;It's a pleasure to meet you.;"
    "Don't forget to turn off the lights.;Where did you put the car keys?;That was the best meal I've had in years.;"
    "Please leave a message after the tone.;The weather should be fine by noon.;I'm sorry, I didn't catch that.;"
    "Why would anyone want to do that?;We'll see you again next year.;Watch out for the ice on the stairs!;"
    "Let me think about it for a moment.",
    ";",
)
_WORD_FRAMES = _split(
    "The word {0} is not the same as {1}.;{0}, {1}, and {2} were on the list.;She wrote {0} and {1} on the board.;"
    "Have you ever heard of {0}?;He spoke of {0} and of {1} for an hour.;There was no {0}, only {1} and {2}.;"
    "Some people say {0}, others say {1}.;The report mentioned {0} twice, and {1} once.",
    ";",
)


@lru_cache(maxsize=1)
def _lexicon() -> tuple[str, ...]:
    return _lexicon_words(least=4)


def _lexicon_words(least: int) -> tuple[str, ...]:
    """Words of gruut's lexicon: only letters, `least` to eleven of them, and a single pronunciation."""
    import gruut_lang_en  # type: ignore[import-untyped]

    path = Path(gruut_lang_en.__file__).parent / "lexicon.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT word FROM word_phonemes GROUP BY word HAVING COUNT(*) = 1 ORDER BY word")
        return tuple(
            word
            for (word,) in rows
            if word.isascii() and word.isalpha() and word.islower() and least <= len(word) <= 11
        )


@lru_cache(maxsize=1)
def _common() -> tuple[str, ...]:
    """Words of the lexicon that the recogniser's language model knows, the most common first."""
    import pocketsphinx

    model = pocketsphinx.NGramModel.readfile(f"{pocketsphinx.get_model_path()}/en-us/en-us.lm.bin")
    known = {word: model.prob([word]) for word in _lexicon_words(least=2)}
    unknown = model.prob(["zzzzqqq"])
    return tuple(
        sorted((word for word in known if known[word] > unknown), key=lambda word: (-known[word], word))[:15_000]
    )


def varied(rng: random.Random) -> str:
    """One sentence of four to thirteen words that mean nothing together."""
    words: list[str] = []
    for place in range(rng.randrange(4, 14)):
        function = rng.random() < 0.4 and (not words or words[-1] not in _FUNCTION)
        common = _common()
        words.append(rng.choice(_FUNCTION) if function else rng.choice(common[: 2_000 if rng.random() < 0.5 else None]))
        if place > 1 and rng.random() < 0.08:
            words[-1] += ","
    text = " ".join(words).rstrip(",") + rng.choices(".?!", (88, 8, 4))[0]
    return text[0].upper() + text[1:]


def mixed(rng: random.Random) -> str:
    """One sentence of either style, as often."""
    return varied(rng) if rng.random() < 0.5 else sentence(rng)


def sentence(rng: random.Random) -> str:
    """One plain sentence, of about three to twenty words."""
    kind = rng.random()
    if kind < 0.33:
        return rng.choice(_WORD_FRAMES).format(*rng.sample(_lexicon(), 3)).capitalize()
    if kind < 0.43:
        return _with_number(rng)
    if kind < 0.46:
        return rng.choice(_FIXED)
    return _plain(rng)


def _thing(rng: random.Random) -> str:
    noun = rng.choice(_NOUNS)
    described = f"{rng.choice(_ADJECTIVES)} {noun}" if rng.random() < 0.6 else noun
    article = rng.choice(("the", "the", "a", "my", "his", "her", "their", "this", "every", "your", "another"))
    if article == "a" and described[0] in "aeiou":
        article = "an"
    return f"{article} {described}"


def _who(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(_SUBJECTS)
    if kind < 0.65:
        return rng.choice(_NAMES) + (f" {rng.choice(_SURNAMES)}" if rng.random() < 0.3 else "")
    return _thing(rng)


def _plain(rng: random.Random) -> str:
    """A statement, question, order or exclamation."""
    verb, place, adverb = rng.choice(_PAST), rng.choice(_PLACES), rng.choice(_ADVERBS)
    who, thing = _who(rng), _thing(rng)
    form = rng.randrange(10)
    if form < 3:
        text = f"{who} {verb} {thing} near {place}{rng.choice(('', ' ' + adverb, ', ' + rng.choice(_CLAUSES)))}."
    elif form == 3:
        text = f"{rng.choice(_OPENERS)}, {who} {verb} {thing} {adverb}."
    elif form == 4:
        text = f"{rng.choice(('did', 'will', 'should', 'could', 'would'))} {who} {rng.choice(_BASE)} {thing} {adverb}?"
    elif form == 5:
        question = rng.choice(("where", "why", "when", "how"))
        text = f"{question} did {who} {rng.choice(_BASE)} {thing}?"
    elif form == 6:
        text = (
            f"{rng.choice(('please', 'never', 'always', 'do not'))} {rng.choice(_BASE)} {thing} in "
            f"{place}{rng.choice(('.', '!'))}"
        )
    elif form == 7:
        text = f"{rng.choice(_NAMES)} {rng.choice(_PRESENT)} {thing}, but {who} {verb} {_thing(rng)}."
    elif form == 8:
        text = f"there is {_thing(rng)} {rng.choice(('under', 'behind', 'above', 'inside', 'beside'))} {thing}."
    else:
        text = f"{thing} was {rng.choice(_ADJECTIVES)} and {rng.choice(_ADJECTIVES)}, {rng.choice(_CLAUSES)}."
    return text[0].upper() + text[1:]


def _with_number(rng: random.Random) -> str:
    number, money, year = rng.randrange(2, 2000), rng.randrange(100, 9999) / 100, rng.randrange(1850, 2030)
    return rng.choice(
        (
            f"There were {number} people in {rng.choice(_PLACES)}.",
            f"It costs ${money:.2f} at the store.",
            f"{rng.choice(_NAMES)} was born on {rng.choice(_MONTHS)} {rng.randrange(1, 29)}, {year}.",
            f"The meeting starts at {rng.randrange(1, 13)}:{rng.randrange(0, 60, 5):02d}.",
            f"Call me at {rng.randrange(100, 999)}, {rng.randrange(10, 99)}, {rng.randrange(10, 99)}.",
            f"Dr. {rng.choice(_SURNAMES)} lives on {rng.randrange(2, 60)}th street.".replace("2th", "22nd").replace(
                "3th", "43rd"
            ),
            f"Add {rng.randrange(2, 90)} kg of flour and {rng.randrange(2, 20)} eggs.",
            f"About {rng.randrange(1, 99)}% of them agreed in {year}.",
        )
    )
