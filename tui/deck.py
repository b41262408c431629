"""What plays and where: several tracks at one position, play, pause, seek, loop. A sound card asks `fill` for the next
sound."""

from __future__ import annotations

from threading import Lock

from tui.track import SAMPLE, Track


class Deck:
    """Tracks of the same words; one is heard. `fill` is called by the sound card's thread, everything else by the
    dashboard's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tracks: dict[str, Track] = {}
        self._chosen = ""
        self._place = 0  #: the next sample of the chosen track
        self._starved = False
        self._sounded = False  #: something was played since the last start from silence
        self.playing = False
        self.begun = False  #: something was asked to be played since the tracks were loaded
        self.looping = False
        self.underruns = 0  #: times the sound came too late and there was silence instead

    # ---------------------------------------------------------------------------------------------- what there is

    def load(self, tracks: dict[str, Track], chosen: str = "") -> None:
        """Put these in, from their start, in silence; the first is heard if none is `chosen`."""
        with self._lock:
            self._tracks = dict(tracks)
            self._chosen = chosen or next(iter(tracks), "")
            self._place, self._starved, self._sounded = 0, False, False
            self.playing = self.begun = False
            self.underruns = 0

    @property
    def chosen(self) -> str:
        """The name of the track that is heard; empty: there is none."""
        return self._chosen

    @property
    def track(self) -> Track | None:
        """The track that is heard."""
        return self._tracks.get(self._chosen)

    @property
    def tracks(self) -> list[Track]:
        """All that are loaded."""
        return list(self._tracks.values())

    def frames(self, name: str) -> int:
        """Samples there are of a track."""
        return self._tracks[name].frames if name in self._tracks else 0

    @property
    def rate(self) -> int:
        """Hz of the track that is heard; 0 before its first sample."""
        return self.track.rate if self.track else 0

    @property
    def seconds(self) -> float:
        """How long the track is, as far as it is there."""
        return self.track.seconds if self.track else 0.0

    @property
    def position(self) -> float:
        """Seconds from the start to the next sample that is played."""
        return self._place / self.rate if self.rate else 0.0

    @property
    def at_end(self) -> bool:
        """All of a track that is whole was played."""
        track = self.track
        return track is not None and track.whole and self._place >= track.frames

    # ---------------------------------------------------------------------------------------------- what a person does

    def play(self) -> None:
        """Go on from where it is; from the start when it is at its end."""
        with self._lock:
            if self.at_end:
                self._place = 0
            self.playing, self._sounded, self._starved = self.track is not None, False, False
            self.begun = True

    def pause(self, unheard: float = 0.0) -> None:
        """Stop. `unheard`: seconds that were filled but never left the sound card; they are played again."""
        with self._lock:
            if self.playing and self._sounded:
                self._place = max(self._place - int(unheard * self.rate), 0)
            self.playing = False

    def seek(self, seconds: float) -> None:
        """Go there; before the start is the start, beyond what there is the end."""
        with self._lock:
            if self.track is not None:
                self._place = min(max(int(seconds * self.rate), 0), self.track.frames)

    def switch(self, name: str) -> None:
        """Hear another track from the same position on."""
        with self._lock:
            if name in self._tracks and name != self._chosen:
                seconds = self.position
                self._chosen = name
                track = self._tracks[name]
                self._place = min(int(seconds * track.rate), track.frames)

    # ---------------------------------------------------------------------------------------------- for the sound card

    def fill(self, count: int) -> tuple[bytes, bool]:
        """(the next `count` samples, is there more to come). What is not there yet is silence, and counted once for
        each gap."""
        with self._lock:
            track = self.track
            if track is None or not self.playing:
                return bytes(count * SAMPLE), False
            sound = track.read(self._place, count)
            self._place += len(sound) // SAMPLE
            while len(sound) < count * SAMPLE and self.looping and track.whole and track.frames:
                more = track.read(0, count - len(sound) // SAMPLE)
                self._place = len(more) // SAMPLE
                sound += more
            self._starved = self._starved and not sound
            self._sounded = self._sounded or bool(sound)
            short = len(sound) < count * SAMPLE
            if short and not track.whole:
                self.underruns += self._sounded and not self._starved
                self._starved = True
            ended = short and track.whole
            if ended:
                self.playing = False
            return sound.ljust(count * SAMPLE, b"\0"), not ended
