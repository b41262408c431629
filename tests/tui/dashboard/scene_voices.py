"""Voices, versions and clips for the scenes."""

from __future__ import annotations

import hashlib
import random

from google.protobuf.timestamp_pb2 import Timestamp

from daemon.state.values import Decision, VersionState
from proto import myna_pb2 as pb
from tests.tui import told
from tests.tui.stage.rows import NOW
from tests.tui.stage.server import Stage

TEXTS = (
    "The harbour wakes slowly when fog lies on the water.",
    "Nobody counts the gulls, and the gulls count nobody.",
    "By seven the market smells of bread and wet rope.",
    "Her letter came on a Tuesday, in an envelope the colour of rain.",
    "He read it twice, and folded it along its old creases.",
    "The train to the coast leaves from the furthest platform.",
    "It is the one with the clock that nobody trusts.",
    "We walked home over the bridge and said nothing at all.",
)

#: Clips to review, by number: (reason, title, sentence, weight) of each doubt.
DOUBTS = {
    34: [
        ("poor-fit", "text hardly fits", "Its text hardly fits the sound: -2.6, right texts are above -1.3.", 0.9),
        ("disagree", "heard otherwise", "Text and what was heard differ in 44% of the letters; 68% is kept.", 0.3),
    ],
    51: [("not-understood", "hardly understood", "The recogniser was 45% sure of its text; from 40% it stays.", 0.64)],
    19: [("noisy", "dropped narrowly", "It was dropped narrowly (noisy): 9.5 dB, the limit is 10.0 dB.", 0.5)],
    11: [("odd-pace", "odd pace", "It is oddly spoken for its text: 0.101 s a letter, near the limit.", 0.3)],
}  # fmt: skip


def set_voices(stage: Stage) -> None:
    """anna with a line of seven versions of which one failed and one waits; ben whom nobody trained; a voice that
    speaks German."""
    stage.voices.rows = [
        pb.Voice(name="anna", promoted=6, versions=7, recordings=12, engine="glow", language="en", kept_seconds=2_465,
        newest_dataset=4,
                 next="train anna from anna@6 on dataset #4 (train #12, now)"),
        pb.Voice(name="ben", recordings=3, engine="glow", language="en", kept_seconds=41, newest_dataset=1,
                 next="needs 19 s more audio to train"),
        pb.Voice(name="jörg", promoted=1, versions=1, recordings=4, engine="xtts", language="de", kept_seconds=190,
        newest_dataset=1,
                 next="is up to date: add recordings to make it better"),
    ]  # fmt: skip
    parents = {1: 0, 2: 1, 3: 2, 4: 2, 5: 4, 6: 5, 7: 6}
    states = {3: VersionState.REJECTED, 6: VersionState.PROMOTED, 7: VersionState.CANDIDATE}
    stage.voices.versions = {
        "anna": [
            _version("anna", number, parents[number], states.get(number, VersionState.ARCHIVED))
            for number in sorted(parents, reverse=True)
        ],
        "jörg": [_version("jörg", 1, 0, VersionState.PROMOTED, licence="CPML, accepted by a person")],
    }
    stage.voices.unscored = {7}
    stage.voices.recorded = {"wer": 0.19, "similarity": 0.95, "dnsmos": 3.4}
    stage.voices.sentence = ""
    stage.voices.lines = [
        pb.ComparedLine(
            text=text,
            clip=sha(text),
            metrics_a={"wer": 0.1 * (n % 4), "similarity": 0.78},
            metrics_b={"wer": 0.07 * (n % 5)},
        )
        for n, text in enumerate(TEXTS[:5])
    ]


def set_speakers(stage: Stage) -> None:
    """Three people in anna's recordings: one asks, one answers, and one says a word now and then."""
    for n in (5, 13, 29):
        clip = stage.datasets.clips[n]
        clip.kept, clip.held_out, clip.reason = False, False, "other-speaker"
        clip.sentence = "It is another one's voice: 0.61 alike, 0.75 is the least."
    stage.datasets.clips[29].sha256 = ""
    told = ((0, 26, 122.0, 3, 1.0), (5, 14, 58.0, 1, 0.61), (29, 5, 17.0, 2, 0.44))
    stage.datasets.speakers = [
        pb.Speaker(
            clips=clips, seconds=seconds, recordings=recordings, likeness=likeness, example=stage.datasets.clips[n]
        )
        for n, clips, seconds, recordings, likeness in told
    ]


def set_clips(stage: Stage) -> None:
    """Sixty clips of anna: kept, held out, dropped for several reasons."""
    chance = random.Random(1)
    reasons = {
        7: ("too-short", "It is 0.4 s long; this engine needs at least 1 s."),
        19: ("noisy", "The speech is only 6 dB louder than the noise."),
        23: ("disagree", "Text and speech differ in 41% of the letters."),
        41: ("person", "A person took it out."),
    }
    stage.datasets.clips = []
    for n in range(60):
        reason, sentence = reasons.get(n, ("", ""))
        long = 0.4 if reason == "too-short" else 2.5 + 5 * chance.random()
        source, trust = ("given", "given") if n % 3 else ("whisper", "high")
        quality = {
            "snr_db": 42 - 20 * chance.random(),
            "cer": 0.12 * chance.random(),
            "rms_db": -24 + 4 * chance.random(),
            "peak": 0.7,
        }
        if reason == "noisy":
            quality["snr_db"] = 6.0
        start = 8.0 * (n % 20)
        made = pb.Clip(
            sha256=sha(f"clip {n}"), recording=sha(f"recording {n // 20}"),
            recording_name=f"session {1 + n // 20}.wav", start=start, end=start + long, text=TEXTS[n % len(TEXTS)],
            text_source=source, trust=trust, quality=quality, kept=not reason, reason=reason, sentence=sentence,
            held_out=not reason and n % 11 == 0,
        )  # fmt: skip
        stage.datasets.clips.append(made)
    stage.datasets.doubts = {
        sha(f"clip {n}"): [
            pb.Doubt(reason=reason, title=title, sentence=sentence, weight=weight)
            for reason, title, sentence, weight in doubts
        ]
        for n, doubts in DOUBTS.items()
    }
    stage.datasets.given = [
        pb.Recording(voice="anna", sha256=sha(f"recording {n}"), name=f"session {1 + n}.wav", seconds=160, clips=20)
        for n in range(3)
    ]
    stage.datasets.datasets = [
        pb.Dataset(
            voice="anna",
            number=number,
            clips=13 * number,
            held_out=number,
            seconds=66.0 * number,
            created=_at(number - 90_000),
        )
        for number in (4, 3, 2, 1)
    ]


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _at(seconds: float) -> Timestamp:
    return Timestamp(seconds=NOW.seconds + int(seconds))


def _version(voice: str, number: int, parent: int, state: VersionState, licence: str = "") -> pb.Version:
    worse = 0.06 if number == 3 else 0.0
    metrics = {"similarity": 0.62 + 0.03 * number - worse, "wer": 0.40 - 0.025 * number + worse,
    "dnsmos": 2.9 + 0.05 * number,
               "held_out_loss": 1.2 - 0.05 * number}  # fmt: skip
    decision, words = {
        VersionState.REJECTED: (
            Decision.NOT_BETTER,
            "Not better: it sounds less like the person (-0.030), and more words are wrong.",
        ),
        VersionState.PROMOTED: (
            Decision.PROMOTED,
            "Better: it sounds more like the person (+0.030), and fewer words are wrong.",
        ),
    }.get(state, (Decision.WAITING, ""))
    table = f"| | v{parent} | v{number} |\n|---|---|---|\n| WER | 0.28 | 0.25 |"
    report = f"# {voice} v{number}\n\n{words}\n\n## Scores on held-out lines\n\n{table}"
    return told.version(
        voice, number, state, _at(number * 3600 - 90_000), metrics={} if number == 7 else metrics, decision=decision,
        words=words, report_md=report, parent=parent, dataset=max(1, number - 2), run=number + 2, licence=licence,
    )  # fmt: skip
