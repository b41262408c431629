"""Drop Finnish recordings, hear the voice: fish, with a tiny base in its real file format, where nothing here hears
Finnish."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proto import myna_pb2 as pb
from proto.client import Client, ClientError, state_of
from tests.e2e.test_xtts_whole_way import RULE, myna
from tests.e2e.workshop import ROOT, SETTINGS, Workshop, job_is, until
from tests.made_once import made_once

NAMES = [f"d{n:02d}" for n in range(1, 7)]
LATER = [f"d{n:02d}" for n in range(7, 9)]
#: What is said in the recordings is English: a tiny model learns what stands beside them.
FINNISH = (
    "Vene tuli satamaan klo 7.", "Hinta oli 25 euroa.", "Kukaan ei tiennyt, kenellä vanha avain on.",
    "Ostin esim. leipää ja 3 omenaa.", "Joki on leveä ja syvä.", "Huomenna sataa 80 % varmuudella.",
    "Hän lähti aikaisin aamulla.", "Tie oli pitkä ja kapea.",
)  # fmt: skip
VOICE = f"""\
engine = "fish"
language = "fi"
[train]
steps = 12
batch_size = 4
eval_every = 6
learning_rate = 1e-2
spoken_checkpoints = 0
seed = 7
{RULE}without_wer = true
"""


@pytest.fixture(scope="module")
def tiny_fish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(out: Path) -> None:
        subprocess.run([sys.executable, "-m", "engines.fish.tiny_base", str(out)], cwd=ROOT, check=True)

    return made_once(tmp_path_factory, "fish-base", make)  # the engine's own tests use it too


@pytest.fixture
def workshop(tmp_path: Path, tiny_base: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "home", tiny_base, SETTINGS)
    yield made
    made.kill()


@pytest.fixture
def ready(workshop: Workshop, tiny_fish: Path) -> Client:
    """A client of a daemon whose fish base came from a folder, after its licence was accepted."""
    client = workshop.up()
    with pytest.raises(ClientError, match="nobody accepted yet"):
        client.fetch("fish", str(tiny_fish))
    accepted = myna(workshop, "engines", "accept", "fish", "--no-fetch")
    assert "are under the CC-BY-NC-SA-4.0 (non-commercial, share alike), whose terms are at https://" in accepted
    with pytest.raises(ClientError, match="gives its files only to people who signed in at https://huggingface"):
        client.fetch("fish")
    assert "Its base is in" in myna(workshop, "engines", "add", "fish", str(tiny_fish))
    assert re.search(r"^fish +ready", myna(workshop, "engines"), re.MULTILINE)
    return client


def drop(workshop: Workshop, names: list[str], options: str = "") -> None:
    """Recordings with Finnish texts."""
    inbox = workshop.home / "inbox" / "aino"
    inbox.mkdir(parents=True, exist_ok=True)
    for name in names:
        (inbox / f"{name}.txt").write_text(FINNISH[int(name[1:]) - 1] + "\n", encoding="utf-8")
    workshop.drop("aino", names, texts=False, options=options)


@pytest.mark.long
def test_finnish_recordings_become_a_voice_that_speaks(workshop: Workshop, ready: Client) -> None:
    drop(workshop, NAMES, VOICE)
    until(ready, job_is(pb.EVALUATE, "succeeded"))
    version = ready.version("aino", 1, report=True)
    assert (version.kind, version.state) == ("lora", "promoted"), version.verdict
    assert "CC-BY-NC-SA-4.0" in version.licence
    told = json.loads(version.report_json)
    assert told["held_out_losses"]["candidate"].keys() == {"loss", "base_ce", "semantic_ce"}
    assert told["held_out_losses"]["candidate"]["loss"] < told["held_out_losses"]["parent"]["loss"]
    assert "| step | held-out loss | base CE | semantic CE | against the base |" in version.report_md
    assert told["summaries"]["candidate"].get("wer") is None, "nothing here hears Finnish"

    said = pb.SpeakSpec(voice="aino", text="(excited) Joki on leveä, n. 25 metriä.", seed=3, options={"retries": 0})
    chunks = list(ready.synthesize(said))
    assert chunks[0].version == "aino@1"
    assert chunks[1].sample_rate == 44_100
    assert b"".join(chunk.samples for chunk in ready.synthesize(said)) == b"".join(chunk.samples for chunk in chunks)
    heard = list(ready.synthesize(pb.SpeakSpec(voice="aino", text="(exited) Joki on leveä.", seed=3)))
    assert [mark for chunk in heard for mark in chunk.left_out] == ["(exited)"]

    packed = workshop.home.parent / "aino.tar"
    assert "aino.tar" in myna(workshop, "export", "aino", "--format", "fish-speech", "-o", str(packed))
    with tarfile.open(packed) as tar:
        names = {Path(name).name for name in tar.getnames()}
    assert {"model.pth", "model.safetensors", "config.json", "codec.pth", "reference_0.npy"} <= names
    assert not [job for job in ready.jobs() if job.kind != pb.SPEAK and state_of(job) != "succeeded"]
    assert workshop.down() == 0


@pytest.mark.slow
def test_all_of_it_learns_and_goes_on_learning(workshop: Workshop, ready: Client) -> None:
    drop(workshop, NAMES, VOICE.replace("[train]\n", "[train]\nlora_rank = 0\n").replace("1e-2", "3e-3"))
    first = until(ready, job_is(pb.EVALUATE, "succeeded"))
    version = ready.version("aino", 1)
    assert (version.kind, version.state) == ("full", "promoted"), version.verdict
    drop(workshop, LATER)
    until(ready, job_is(pb.EVALUATE, "succeeded"), after=first.cursor)
    version = ready.version("aino", 2, report=True)
    assert (version.kind, version.parent) == ("full", 1)
    assert "against @1" in version.report_md
    assert workshop.down() == 0
