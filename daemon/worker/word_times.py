"""Times of words for engines that tell none: a sentence is aligned when all of it is spoken, where a request wants that
and the aligner knows the language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby

import numpy as np

from engines.base import AudioChunk, WordTime
from engines.metrics.normalise import normalise
from engines.text.written import written
from engines.transcription.alignment import Aligner
from engines.transcription.base import SAMPLE_RATE


def with_words(chunks: Iterator[AudioChunk], language: str) -> Iterator[AudioChunk]:
    """The same chunks, the first of each sentence with its words where the engine knows them, or they are found."""
    if language.split("-")[0].lower() != Aligner.language:
        yield from chunks
        return
    for _, sentence in groupby(chunks, lambda chunk: chunk.sentence):
        yield from _told(sentence)


def _told(sentence: Iterator[AudioChunk]) -> Iterator[AudioChunk]:
    """One sentence."""
    first = next(sentence)
    if first.words:
        yield first
        yield from sentence
        return
    parts = [first, *sentence]
    yield replace(first, words=_aligned(parts))
    yield from parts[1:]


@cache
def _aligner() -> Aligner:
    return Aligner()


def _aligned(parts: list[AudioChunk]) -> tuple[WordTime, ...]:
    """Of a whole sentence; empty where its words are not found."""
    import soxr  # only where somebody asks

    samples, rate, text = np.concatenate([part.samples for part in parts]), parts[0].sample_rate, parts[0].text
    if rate != SAMPLE_RATE:
        samples = np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)
    found = _aligner().align(samples, text)
    if found is None:
        return ()
    spoken = [WordTime(word.text, word.start, word.end) for word in found.words]
    return written(text, spoken, lambda one: len(normalise(one, Aligner.language).split()))
