"""Voices of an engine elsewhere through the real mynad: a provider on this machine answers as its documentation
says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from proto import myna_pb2 as pb
from proto.client import ClientError
from tests.e2e.toy_mynad import TEXTS
from tests.e2e.workshop import NAMES, ROOT, SETTINGS, TOYS, Workshop, ended, job_is, until
from tests.engines.remote.speaking_server import KEY, Answer, Server, serving, tone

TEXT = "Good morning. It is a wide river."
PIECES = ("Good morning.", "It is a wide river.")


@pytest.fixture
def provider() -> Iterator[Server]:
    with serving() as server:
        yield server


def settings(folder: Path, provider: Server) -> str:
    """The owner switched OpenAI on, at the provider of this machine."""
    key = folder / "openai.key"
    key.touch(0o600)
    key.write_text(KEY)
    return f"""{SETTINGS}speech_ready = false
[remote.openai]
enabled = true
base_url = "{provider.url}/v1"
key_file = "{key}"
price = 15.0
budget_a_day = 0.01
voices = ["alloy", "nova"]
"""


@pytest.fixture
def elsewhere(tmp_path: Path, provider: Server) -> Iterator[Workshop]:
    made = Workshop(tmp_path / "home", tmp_path, settings(tmp_path, provider))
    yield made
    made.kill()


def myna(workshop: Workshop, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a person at this machine runs it."""
    command = [sys.executable, "-m", "tui.cli", *words]
    return subprocess.run(command, cwd=ROOT, env=workshop.env, capture_output=True, text=True, timeout=500, check=False)


def test_a_voice_elsewhere_speaks_is_paid_for_once_and_is_nothing_else(elsewhere: Workshop, provider: Server) -> None:
    client = elsewhere.up()
    (price,) = client.price(pb.SpeakSpec(voice="openai:alloy", text=TEXT))
    assert (price.host, price.characters, round(price.cost.amount, 6)) == ("127.0.0.1", len(TEXT), 0.000495)
    chunks = list(client.synthesize(pb.SpeakSpec(voice="openai:alloy", text=TEXT)))
    assert chunks[0].version == "openai:alloy"
    assert tuple(chunk.text for chunk in chunks if chunk.text) == PIECES
    sound = np.frombuffer(b"".join(chunk.samples for chunk in chunks), "<f4")
    wanted = np.frombuffer(b"".join(tone(piece) for piece in PIECES), "<i2") / np.float32(32_768)
    assert np.array_equal(sound, wanted)
    charge = chunks[-1].charge
    assert (charge.engine, charge.characters, charge.saved) == ("openai", len("".join(PIECES)), 0)
    job = client.job(chunks[0].job)
    assert (job.gpu_lane, job.voice) == (False, "openai:alloy")
    assert job.status.succeeded.sentence == "Spoke 1.6 s as openai:alloy: openai was sent 32 characters."

    again = list(client.synthesize(pb.SpeakSpec(voice="openai:alloy", text=TEXT)))
    assert b"".join(chunk.samples for chunk in again) == sound.astype("<f4").tobytes()
    assert (again[-1].charge.characters, again[-1].charge.saved, len(provider.asked)) == (0, 32, 2)
    (day,) = client.charges()
    assert (day.characters, day.saved, day.person, round(day.cost.amount, 6)) == (32, 32, "", 0.00048)

    for ask in (
        lambda: client.train("openai:alloy"),
        lambda: client.submit(pb.JobSpec(export=pb.ExportSpec(voice="openai:alloy", version=1))),
        lambda: client.submit(pb.JobSpec(derive=pb.DeriveSpec(parent="openai:alloy", voice="other", pitch=2))),
        lambda: client.voice("openai:alloy"),
    ):
        with pytest.raises(ClientError, match="openai, which is elsewhere and only speaks"):
            ask()
    assert [voice.name for voice in client.voices()] == []
    state = next(engine for engine in client.info().engines if engine.name == "openai")
    assert (state.ready, state.remote.has_key, list(state.remote.voices)) == (
        True, True, ["openai:alloy", "openai:nova"],
    )  # fmt: skip
    assert round(state.remote.spent_today.amount, 6) == 0.00048


def test_nothing_is_sent_over_the_budget_or_where_the_engine_is_off(elsewhere: Workshop, provider: Server) -> None:
    client = elsewhere.up()
    with pytest.raises(
        ClientError, match=r"Everybody together has spent 0\.00 USD of 0\.01 USD with openai today"
    ) as over:
        list(client.synthesize(pb.SpeakSpec(voice="openai:alloy", text=TEXT * 30)))
    assert over.value.code == "RESOURCE_EXHAUSTED"
    with pytest.raises(
        ClientError, match="azure cannot be asked: it is switched off, and nothing is sent to it"
    ) as off:
        list(client.synthesize(pb.SpeakSpec(voice="azure:en-US-JennyNeural", text=TEXT)))
    assert "set enabled = true in [remote.azure]" in off.value.hint
    with pytest.raises(ClientError, match="no engine named 'acme' elsewhere"):
        list(client.synthesize(pb.SpeakSpec(voice="acme:x", text=TEXT)))
    assert provider.asked == []


def test_what_was_spoken_before_is_heard_when_the_budget_is_used_up(elsewhere: Workshop, provider: Server) -> None:
    client = elsewhere.up()
    spec = pb.SpeakSpec(voice="openai:alloy", text=" ".join([TEXT] * 18))  # most of what may be spent
    first = b"".join(chunk.samples for chunk in client.synthesize(spec))
    sent = len(provider.asked)
    again = list(client.synthesize(spec))
    assert b"".join(chunk.samples for chunk in again) == first
    assert (again[-1].charge.characters, len(provider.asked)) == (0, sent)
    for kept in (elsewhere.home / "remote" / "openai").iterdir():
        kept.unlink()
    with pytest.raises(ClientError, match="Everybody together has spent"):
        list(client.synthesize(spec))
    assert len(provider.asked) == sent


def test_the_key_is_nowhere_but_in_its_file_and_the_request(elsewhere: Workshop, provider: Server) -> None:
    client = elsewhere.up()
    provider.answers.append(Answer(body=tone(PIECES[0]), waits=True))
    chunks = client.synthesize(pb.SpeakSpec(voice="openai:alloy", text=TEXT))
    assert any(chunk.samples for chunk in chunks)  # a worker is at it now
    for process in elsewhere.family():
        assert KEY not in " ".join(process.cmdline()) + str(process.environ())
    provider.go_on.set()
    job = max(job.id for job in client.jobs())
    for _ in chunks:
        pass
    provider.answers.append(Answer(401, json.dumps({"error": {"message": f"Incorrect API key: {KEY}"}}).encode()))
    with pytest.raises(ClientError, match="openai does not accept the key") as refused:
        list(client.synthesize(pb.SpeakSpec(voice="openai:nova", text=TEXT)))
    told = f"{refused.value} {client.job(job)} {client.job(job + 1)}"
    assert KEY not in told
    assert elsewhere.down() == 0
    for path in elsewhere.home.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


@pytest.mark.long
def test_hanging_up_ends_the_transfer_and_cancels_the_job(elsewhere: Workshop, provider: Server) -> None:
    client = elsewhere.up()
    provider.answers.append(Answer(body=tone(PIECES[0]), waits=True))
    chunks = client.synthesize(pb.SpeakSpec(voice="openai:alloy", text=TEXT))
    job = next(chunks).job
    assert next(chunks).samples
    chunks.close()  # type: ignore[attr-defined]
    assert provider.gone.wait(20)
    ended(client, job, "cancelled")
    assert client.charges()[0].characters == len(PIECES[0]), "what the provider took is paid for"


@pytest.mark.long
def test_the_command_line_tells_what_it_costs_before_and_after(
    elsewhere: Workshop, provider: Server, tmp_path: Path
) -> None:
    elsewhere.up()
    told = myna(elsewhere, "say", TEXT, "--voice", "openai:alloy", "--estimate")
    assert told.returncode == 0, told.stderr
    assert told.stdout == "openai:alloy: 33 characters go to 127.0.0.1, which costs at most 0.00049 USD.\n"
    assert provider.asked == []
    said = myna(elsewhere, "say", TEXT, "--voice", "openai:alloy", "-o", str(tmp_path / "out.wav"))
    assert said.returncode == 0, said.stderr
    assert "33 characters go to 127.0.0.1" in said.stderr
    assert "openai was sent 32 characters: 0.00048 USD." in said.stderr
    assert (tmp_path / "out.wav").stat().st_size > 50_000
    listed = myna(elsewhere, "engines")
    assert "off, no key" in listed.stdout
    assert "openai: What people want said with its voices goes to 127.0.0.1." in listed.stdout
    assert "0.00048 USD" in myna(elsewhere, "usage").stdout
    assert KEY not in listed.stdout + said.stdout + said.stderr


@pytest.mark.slow
def test_a_voice_is_compared_with_one_elsewhere_once_somebody_agreed(tmp_path: Path, provider: Server) -> None:
    more = settings(tmp_path, provider).replace("budget_a_day = 0.01", "budget_a_day = 1.0")
    more = f"auto_train = false\n{more}"
    toys = Workshop(tmp_path / "home", tmp_path, more, module=TOYS)
    toys.env[TEXTS] = "3"
    try:
        client = toys.up()
        # in a language in which nobody here listens for words: PocketSphinx takes seconds of a CPU for each tone
        toys.drop("ben", NAMES[:2], options='engine = "toy"\nlanguage = "fi"\n')
        until(client, job_is(pb.DATASET, "succeeded"))
        asked = ("compare", "openai:alloy", "ben@base", "--score")
        refused = myna(toys, *asked)
        assert refused.returncode == 1
        assert "Nobody agreed to send this. --yes agrees." in " ".join(refused.stderr.split())
        assert "which costs at most" in refused.stderr
        assert provider.asked == []
        told = myna(toys, *asked, "--yes")
        assert told.returncode == 0, told.stderr
        assert "openai:alloy" in told.stdout
        found = client.compare("ben", 0, 0, voice_b="openai:alloy")
        assert found.ready
        assert len(found.lines) == 3
        assert {one.text for one in provider.asked} == {line.text for line in found.lines}
        assert all(Path(line.spoken_a).is_file() and Path(line.spoken_b).is_file() for line in found.lines)
        (day,) = client.charges()
        assert day.characters == sum(len(line.text) for line in found.lines)
        job = max(job.id for job in client.jobs(kinds=[pb.EVALUATE]))
        sentence = client.job(job).status.succeeded.sentence
        assert sentence.startswith("ben@base and openai:alloy have said the same ")
    finally:
        toys.kill()
