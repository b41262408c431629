"""Which sounds of its language a voice has said in a dataset, and which sentences its person could read next."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.database.models import DatasetClip
from daemon.state import datasets, voices
from engines.language import without_region
from engines.text import to_read
from engines.text.coverage import Coverage, coverage, inventory, wanted
from engines.text.sounds import Pronunciations, Unit
from proto import myna_pb2 as pb

#: Sentences, if nobody says how many.
SENTENCES = 10
#: Unknown words that are told.
UNKNOWN = 20
_UNITS = {Unit.PHONEME: pb.PHONEMES, Unit.LETTER: pb.LETTERS}


def reply(session: Session, voice: str, number: int, sentences: int) -> pb.WantedReply:
    """Of a dataset (0: the newest); at most so many sentences (0: SENTENCES). Raises NotFound."""
    dataset = datasets.get(session, voice, number)
    language = without_region(voices.get(session, voice).language)
    texts: dict[bool, list[str]] = {False: [], True: []}
    asked = select(DatasetClip.held_out, DatasetClip.text).where(DatasetClip.dataset == dataset.id)
    for held, text in session.execute(asked):
        texts[held].append(text)
    pronunciations = Pronunciations(language)
    try:
        listed = to_read.sentences(language)
        every = inventory(listed, pronunciations)
        training, held_out = coverage(texts[False], pronunciations), coverage(texts[True], pronunciations)
        chosen = wanted(training, listed, pronunciations, sentences or SENTENCES)
    finally:
        pronunciations.close()
    return pb.WantedReply(
        number=dataset.number,
        unit=_UNITS[pronunciations.unit],
        training=_message(training, every),
        held_out=_message(held_out, every),
        sentences=[pb.WantedSentence(text=one.text, sounds=one.new, rare_pairs=one.rare) for one in chosen],
    )


def _message(said: Coverage, every: Sequence[str]) -> pb.SoundCoverage:
    return pb.SoundCoverage(
        sounds=[pb.SoundCount(sound=sound, count=count) for sound, count in said.counts.most_common()],
        missing=said.missing(every),
        pairs=len(said.pairs),
        words=said.words,
        unknown=[word for word, _ in said.unknown.most_common(UNKNOWN)],
    )
