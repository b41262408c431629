"""Drop recordings, hear the voice, on the engine most users come for: XTTS, with a tiny base in its real file
format."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engines.metrics import gate
from engines.metrics.findings import Found
from engines.metrics.rule import Rule
from engines.metrics.summary import Summary
from proto import myna_pb2 as pb
from proto.client import Client, ClientError, state_of
from tests.e2e.workshop import ROOT, SETTINGS, Workshop, job_is, until
from tests.made_once import made_once

NAMES = [f"d{n:02d}" for n in range(1, 8)]
LATER = [f"d{n:02d}" for n in range(8, 11)]
#: A base of random weights says nothing that a recogniser could hear or that sounds like anybody, so this voice's rule
#: weighs what can be learned in seconds: the held-out loss, which must fall by one part in a hundred at least.
RULE = """\
[promotion]
takes = 1
min_lines = 4
weights = [0, 0, 1, 0, 0, 0]
min_score = 0.2
first_similarity_gain = -2
similarity_loss = 2
without_similarity = true
wer_loss = 10
first_wer_loss = 10
dnsmos_loss = 5
duration_range = [0, 100]
"""
VOICE = f"""\
engine = "xtts"
language = "en"
[train]
steps = 24
batch_size = 4
eval_every = 8
learning_rate = 1e-3
spoken_checkpoints = 0
seed = 7
{RULE}"""

#: Of adapters; and words and quality weigh a little: a version is held against the base's imitation by how both sound.
BESIDE_BASE = VOICE.replace("[train]\n", "[train]\nlora_rank = 4\n").replace("= [0, 0, 1, 0,", "= [0, 0.02, 1, 0.02,")


@pytest.fixture(scope="module")
def tiny_xtts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(out: Path) -> None:
        subprocess.run([sys.executable, "-m", "engines.xtts.tiny_base", str(out)], cwd=ROOT, check=True)

    return made_once(tmp_path_factory, "xtts-base", make)  # the engine's own tests use it too


@pytest.fixture
def workshop(tmp_path: Path, tiny_base: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "home", tiny_base, SETTINGS)
    yield made
    made.kill()


def myna(workshop: Workshop, *command: str) -> str:
    """What the command line says."""
    told = subprocess.run(
        [sys.executable, "-m", "tui.cli", *command],
        cwd=ROOT,
        env=workshop.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.fixture
def ready(workshop: Workshop, tiny_xtts: Path) -> Client:
    """A client of a daemon whose XTTS base came from a folder, after its licence was accepted."""
    client = workshop.up()
    accepted = myna(workshop, "engines", "accept", "xtts", "--no-fetch")
    assert "are under the Coqui Public Model License 1.0 (non-commercial), whose terms are at https://" in accepted
    assert "Its base is in" in myna(workshop, "engines", "add", "xtts", str(tiny_xtts))
    assert re.search(r"^xtts +ready", myna(workshop, "engines"), re.MULTILINE)
    return client


@pytest.mark.long
def test_dropped_recordings_become_a_promoted_version_that_speaks(workshop: Workshop, ready: Client) -> None:
    workshop.drop("anna", NAMES, options=VOICE)
    until(ready, job_is(pb.EVALUATE, "succeeded"))
    version = ready.version("anna", 1, report=True)
    assert version.state == "promoted", version.verdict
    assert version.kind == "full"
    assert "Coqui Public Model License" in version.licence
    assert "accepted by" in version.licence
    told = json.loads(version.report_json)
    assert told["held_out_losses"]["candidate"].keys() == {"loss", "text_ce", "mel_ce"}
    assert told["held_out_losses"]["candidate"]["loss"] < told["held_out_losses"]["parent"]["loss"]
    assert "| step | held-out loss | text CE | mel CE | against the base | training loss | gap |" in version.report_md

    # it speaks, the same each time, at its own rate
    said = pb.SpeakSpec(voice="anna", text="The river is wide.", seed=3, options={"top_k": 20, "retries": 0})
    chunks = list(ready.synthesize(said))
    assert chunks[0].version == "anna@1"
    assert chunks[1].sample_rate == 24_000
    assert sum(len(chunk.samples) for chunk in chunks) > 4 * 2_400
    assert b"".join(chunk.samples for chunk in ready.synthesize(said)) == b"".join(chunk.samples for chunk in chunks)

    # like a recording of the voice, or like somebody else
    taught = next(clip for clip in ready.clips("anna") if clip.kept and not clip.held_out)
    of = next(one for one in ready.recordings("anna") if one.sha256 == taught.recording)
    others = [
        pb.SpeakSpec(voice="anna", text=said.text, seed=3, options={"retries": 0}, **like)  # type: ignore[arg-type]
        for like in ({"references": [of.name]}, {"speaker": "Tiny Low"})
    ]
    heard = [b"".join(chunk.samples for chunk in ready.synthesize(asked)) for asked in (said, *others)]
    assert len(set(heard)) == 3
    assert all(len(sound) > 4 * 2_400 for sound in heard)
    with pytest.raises(ClientError, match=r"no stock speaker '\?'. It has: Tiny High, Tiny Low"):
        list(ready.synthesize(pb.SpeakSpec(voice="anna", text="The river is wide.", speaker="?")))
    with pytest.raises(ClientError, match="no xtts speech setting named 'colour'"):
        list(ready.synthesize(pb.SpeakSpec(voice="anna", text="The river is wide.", options={"colour": 1})))

    # and leaves for other tools (tests/engines/xtts/test_xtts_versions.py has stock coqui-tts speak with such files)
    packed = workshop.home.parent / "anna.tar"
    assert "anna.tar" in myna(workshop, "export", "anna", "--format", "coqui-fp16", "-o", str(packed))
    with tarfile.open(packed) as tar:
        names = sorted(Path(name).name for name in tar.getnames())
    assert names == ["config.json", "model.pth", "speakers_xtts.pth", "vocab.json"]
    assert not [job for job in ready.jobs() if job.kind != pb.SPEAK and state_of(job) != "succeeded"]
    assert workshop.down() == 0


def check_third_side(version: pb.Version) -> None:
    """The report tells of the base that only imitates the recordings, and says that it sounds better exactly where its
    own numbers do."""
    told = json.loads(version.report_json)
    assert re.search(
        r"^\| metric \| @1 \| candidate \| the base \(plain cloning\) \| rec", version.report_md, re.MULTILINE
    )
    base, own, recordings = (Summary.from_json(told["summaries"][who]) for who in ("base", "candidate", "recordings"))
    assert (base.lines, base.failed) == (own.lines, own.failed)
    assert None not in (base.dnsmos, own.dnsmos)
    assert base.dnsmos != own.dnsmos, "the version learned, the base did not"

    beside, rule = told["beside_base"], Rule.from_json(tomllib.loads(BESIDE_BASE)["promotion"])
    sides = (replace(one, held_out_loss=None) for one in (own, base))
    assert beside["score"] == pytest.approx(gate.balance(*sides, rule, recordings))
    assert f"Beside the base (plain cloning) its score is {beside['score']:+.2f}" in version.report_md
    behind = [one for one in told["findings"] if one["found"] == Found.BEHIND_BASE]
    assert bool(behind) == (beside["high"] is not None and beside["high"] < 0)
    assert [(one["candidate"], one["low"], one["high"]) for one in behind] == [tuple(beside.values())] * len(behind)
    assert ("The base, which only imitates the recordings, sounds better than it" in version.verdict) == bool(behind)


@pytest.mark.slow
def test_adapters_learn_on_adapters_and_weigh_next_to_nothing(workshop: Workshop, ready: Client) -> None:
    workshop.drop("anna", NAMES, options=BESIDE_BASE)
    first = until(ready, job_is(pb.EVALUATE, "succeeded"))
    version = ready.version("anna", 1)
    assert (version.kind, version.state) == ("lora", "promoted"), version.verdict
    assert version.size < 0.1 * sum(path.stat().st_size for path in (workshop.home / "engines" / "xtts").iterdir())

    workshop.drop("anna", LATER, options="")
    until(ready, job_is(pb.EVALUATE, "succeeded"), after=first.cursor)
    version = ready.version("anna", 2, report=True)
    assert (version.kind, version.parent) == ("lora", 1)
    assert "against @1" in version.report_md
    assert "against the base" in version.report_md
    check_third_side(version)
    assert (
        sum(len(chunk.samples) for chunk in ready.synthesize(pb.SpeakSpec(voice="anna", version=2, text="It is deep.")))
        > 4 * 2_400
    )
    assert workshop.down() == 0
