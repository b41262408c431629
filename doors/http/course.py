"""Where the sentences and words of a text lie in the sound that comes of it."""

from __future__ import annotations

from collections.abc import Sequence

from doors.http.asked import Times
from doors.http.subtitles import Stretch
from proto import myna_pb2 as pb


class Course:
    """Of one request: told each chunk as it comes."""

    def __init__(self) -> None:
        self.seconds = 0.0  #: of sound so far
        self._sentences: list[tuple[int, str, float]] = []  #: number, text, where it begins
        self._words: list[Stretch] = []

    def add(self, chunk: pb.AudioChunk) -> None:
        """The next chunk."""
        if chunk.text and (not self._sentences or self._sentences[-1][0] != chunk.sentence):
            self._sentences.append((chunk.sentence, chunk.text, self.seconds))
        self._words += [Stretch(word.text, self.seconds + word.start, self.seconds + word.end) for word in chunk.words]
        if chunk.samples:
            self.seconds += len(chunk.samples) / 4 / chunk.sample_rate

    def known(self, times: Times) -> Times:
        """The finest of what is asked for that is known."""
        return times if self._words else Times.SENTENCE

    def stretches(self, times: Times) -> Sequence[Stretch]:
        """What was heard so far, in order. Sentences, too, where words are asked for and the engine knows none."""
        if times is Times.WORD and self._words:
            return self._words
        ends = [start for _, _, start in self._sentences[1:]] + [self.seconds]
        return [Stretch(text, start, end) for (_, text, start), end in zip(self._sentences, ends, strict=True)]
