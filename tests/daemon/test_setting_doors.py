"""A setting is declared once: whatever is given to it is taken by every door, or refused by every door with a
sentence."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lives
import pytest
import typer
from hypothesis import HealthCheck, example, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from living_daemon import Living, lived
from sqlalchemy.orm import Session
from voice_rows import clip, dataset

from daemon import settings as daemon_settings
from daemon.database.models import Run, Voice, now
from daemon.database.store import Store
from daemon.errors import MynaError
from daemon.inbox import voice_toml
from daemon.kinds.train.work import settings_of, work_of
from daemon.price import PRICE
from engines import registry
from engines.judging.limits import LIMITS
from engines.metrics.rule import RULE
from engines.setting import Setting
from engines.speech_options import COMMON
from engines.training.settings import OPTIONS
from proto import myna_pb2 as pb
from proto.channel import ClientError
from proto.messages import speak_spec, train_spec
from tui.commands import say

pytestmark = pytest.mark.integration

REFUSED = (MynaError, ClientError, typer.BadParameter)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.sampled_from([10**21, 2**63, 2**64 - 1, 2**64, 10**400, -(10**400)]),
    st.floats(),
    st.floats(0, 1),
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=60)
DATES = st.just(datetime.date(2026, 1, 1))
ONE = st.one_of(NUMBERS, TEXTS, st.booleans(), DATES)
ANY = st.one_of(ONE, st.lists(ONE, max_size=7), st.lists(st.floats(0, 2), min_size=2, max_size=6))
#: The daemon's settings as `myna.toml` has them.
DAEMON = daemon_settings.SETTINGS | {f"cost.{name}": setting for name, setting in PRICE.items()}
OFTEN = effort(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def toml(value: object) -> str:
    """The value as TOML writes it."""
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else str(value)


def text(value: object) -> str:
    """The value as people write it after NAME=."""
    if isinstance(value, list):
        return ", ".join(map(text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def taken(door: Callable[[], Any]) -> bool:
    """Whether it came through; what is refused has a sentence on one short line."""
    try:
        door()
    except REFUSED as problem:
        sentence = str(problem)
        assert sentence.isprintable(), repr(sentence)
        assert 10 < len(sentence) < 1_000, sentence
        return False
    return True


def possible(setting: Setting, value: Any) -> bool:
    """Within bounds and finite; the declaration's own check is not asked."""
    if isinstance(value, list | tuple):
        return all(possible(setting, one) for one in value)
    if setting.kind in (int, float):
        whole = setting.kind is float or isinstance(value, int)
        return (
            not isinstance(value, bool | str)
            and whole
            and math.isfinite(value)
            and setting.least <= value <= setting.most
        )
    return isinstance(value, setting.kind)


@pytest.fixture(scope="module")
def anna(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A voice of an engine with adapters that can be trained."""
    store = Store(tmp_path_factory.mktemp("home"))

    def rows(session: Session) -> None:
        session.add(Voice(name="anna", language="en", engine="xtts", options={}, created=now()))
        session.flush()
        dataset(
            session,
            1,
            [clip(session, f"c{number}", seconds=10.0) for number in range(8)],
            [clip(session, "held", held_out=True)],
        )

    store.write_now(rows)
    yield store
    store.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a daemon that runs, with the voice "anna"."""
    home, ready, leave = tmp_path_factory.mktemp("served"), threading.Event(), threading.Event()

    async def life(living: Living) -> None:
        ready.set()
        await asyncio.to_thread(leave.wait, 200.0)

    running = threading.Thread(target=lived, args=(home, life))
    running.start()
    assert ready.wait(30.0)
    yield home
    leave.set()
    running.join(30.0)


class Rolled(Exception):
    """Nothing of an example stays."""


def by_file(anna: Store, table: str, name: str, value: object) -> None:
    """Through voice.toml."""

    def act(session: Session) -> None:
        session.get_one(Voice, "anna").options = {"auto_train": False}
        lines = (
            [f"[{table}]"] * bool(table)
            + [f"{key} = {rank}" for key, rank in adapters(name).items()]
            + [f"{name} = {toml(value)}"]
        )
        line = "\n".join(lines)
        voice_toml.apply(session, session.get_one(Voice, "anna"), voice_toml.parse(line.encode()))
        raise Rolled

    with pytest.raises(Rolled):
        anna.write_now(act)


def by_wire(anna: Store, **choices: Any) -> dict[str, Any]:
    """Through a train request; the settings that the worker would be given."""

    def act(session: Session) -> None:
        spec = pb.JobSpec(train=train_spec("anna", **choices))
        lives.kind(session, "train").check(session, spec)
        work = work_of(session, spec.train)
        told.update(settings_of(session, work, spec.train.options))

    told: dict[str, Any] = {}
    anna.read_now(act)
    return told


def adapters(name: str) -> dict[str, str]:
    """Without a rank the rest of adapters' settings says nothing."""
    return {"lora_rank": "8"} if name.startswith("lora_") and name != "lora_rank" else {}


@OFTEN
@given(st.sampled_from(sorted(OPTIONS)), ANY)
@example("steps", 10**21)
@example("steps", 3.7)
@example("steps", True)
@example("seed", -5)
@example("seed", 2**64)
@example("threads", 1_000_000)
@example("grad_clip", math.nan)
@example("weight_decay", math.inf)
@example("learning_rate", 1e300)
@example("max_seconds", math.nan)
@example("learning_rate", 10**400)
@example("precision", "fp8")
@example("lora_dropout", 1.0)
def test_a_training_setting_is_taken_or_refused_by_every_door(anna: Store, name: str, value: Any) -> None:
    setting = OPTIONS[name]
    filed = taken(lambda: by_file(anna, "train", name, value))
    assert not filed or possible(setting, value), f"voice.toml took {name} = {value!r}"
    if name in pb.TrainOptions.DESCRIPTOR.fields_by_name:
        assert taken(lambda: by_wire(anna, **{name: value})) == filed or isinstance(value, str)
    if (
        not isinstance(value, str | list) or setting.kind is str
    ):  # a file tells a text from a number, a command line does not
        assert taken(lambda: by_wire(anna, engine={name: text(value), **adapters(name)})) == filed or setting.count != 1


@OFTEN
@given(st.sampled_from(sorted(OPTIONS)), TEXTS | NUMBERS.map(str))
def test_what_the_command_line_sets_reaches_the_run_within_bounds(anna: Store, name: str, given_text: str) -> None:
    told: dict[str, Any] = {}
    if taken(lambda: told.update(by_wire(anna, engine={name: given_text, **adapters(name)}))):
        value = told["lora"] and told["lora"][name.removeprefix("lora_")] if name.startswith("lora_") else told[name]
        assert value is None or possible(OPTIONS[name], value)


@OFTEN
@given(st.sampled_from(sorted(RULE)), ANY)
@example("min_score", math.nan)
@example("similarity_unit", 0)
@example("weights", [1, 2])
@example("duration_range", [1.7, 0.6])
@example("without_wer", 1)
def test_a_promotion_setting_is_taken_within_bounds_or_refused(anna: Store, name: str, value: Any) -> None:
    if taken(lambda: by_file(anna, "promotion", name, value)):
        assert possible(RULE[name], value), f"voice.toml took {name} = {value!r}"


@OFTEN
@given(st.sampled_from(sorted(LIMITS)), ANY)
@example("noisy", math.nan)
@example("disagree", [0.3])
@example("duplicates", 1)
def test_a_limit_of_clips_is_taken_within_bounds_or_refused(anna: Store, name: str, value: Any) -> None:
    if taken(lambda: by_file(anna, "dataset", name, value)):
        assert possible(LIMITS[name], value), f"voice.toml took {name} = {value!r}"


@OFTEN
@given(st.sampled_from(sorted(voice_toml.KEYS)), ANY)
@example("auto_train_min_seconds", math.nan)
@example("auto_train_min_seconds", 1e300)
def test_a_key_of_a_voice_is_taken_within_bounds_or_refused(anna: Store, name: str, value: Any) -> None:
    if taken(lambda: by_file(anna, "", name, value)):
        assert possible(voice_toml.KEYS[name], value), f"voice.toml took {name} = {value!r}"


@OFTEN
@given(st.sampled_from(sorted(DAEMON)), ANY)
@example("cost.per_hour", math.nan)
@example("cost.per_hour", -0.5)
@example("cost.currency", "euros")
@example("auto_train_min_seconds", math.nan)
@example("settle", math.inf)
@example("threads", 1_000_000)
@example("cpu_jobs", True)
@example("ingest_batch", 2.0)
@example("speech_memory", 10**30)
@example("settle", "5")
def test_a_daemon_setting_is_taken_or_refused_by_file_and_environment(tmp_path: Path, name: str, value: Any) -> None:
    setting, there, nowhere = DAEMON[name], tmp_path / "there", tmp_path / "nowhere"
    there.mkdir(exist_ok=True)
    (there / "myna.toml").write_text(f"{name} = {toml(value)}\n", "utf-8", newline="")
    filed = taken(lambda: daemon_settings.load(there))
    assert not filed or possible(setting, value), f"myna.toml took {name} = {value!r}"
    if isinstance(value, str | list) and setting.kind is not str:
        return  # there is only text in the environment
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"MYNA_{name.upper().replace('.', '_')}", text(value))
        meant = setting.kind is bool and text(value) in ("0", "1")
        assert (
            taken(lambda: daemon_settings.load(nowhere)) == filed
            or meant
            or (not isinstance(value, str) and setting.kind is str)
        )


@OFTEN
@given(st.sampled_from(sorted({**registry.ENGINES["xtts"].options, **COMMON})), NUMBERS)
@example("top_k", 2.5)
@example("speed", math.nan)
@example("seed", -5)
@example("temperature", 1e300)
@example("batch", 10**400)
def test_a_speech_setting_is_taken_or_refused_by_wire_and_command_line(anna: Store, name: str, value: Any) -> None:
    own = registry.ENGINES["xtts"].options

    def ask(given_value: Any) -> None:
        fields = {"options": {name: given_value}} if name in own else {name: given_value}
        spec = pb.JobSpec(speak=speak_spec(voice="anna", text="Hello.", **fields))
        anna.read_now(lambda session: lives.kind(session, "speak").check(session, spec))

    glow = dataclasses.replace(registry.ENGINES["glow"], options=own)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.ENGINES, "xtts", glow)  # the settings of one, and the base of the other, which is here
        wired = taken(lambda: ask(value))
        if wired and (name, value) != ("speed", 0):  # on the wire 0 is: not given
            assert possible({**own, **COMMON}[name], int(value) if value == round(value) else value)
        if name in own:
            assert taken(lambda: ask(say.options([f"{name}={value}"])[name])) == wired


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 2**64 - 1), ("steps", 10_000_000), ("learning_rate", 5.000000000000001e-06), ("grad_clip", 0.1)],
)
def test_a_number_reaches_the_worker_unchanged(anna: Store, name: str, value: float) -> None:
    doors: list[dict[str, Any]] = [{"engine": {name: repr(value)}}]
    if name != "grad_clip":
        doors.append({name: value})

    def planned(session: Session, choices: dict[str, Any]) -> dict[str, Any]:
        spec = pb.JobSpec(train=train_spec("anna", **choices))
        overrides = settings_of(session, work_of(session, spec.train), spec.train.options)
        run = Run(voice="anna", engine="xtts", job=0, dataset=1, settings=overrides, result={}, to_version=9)
        session.add(run)
        session.flush()
        session.expire(run)
        told: dict[str, Any] = json.loads(json.dumps(run.settings))
        session.delete(run)
        return told

    for choices in doors:
        told = anna.write_now(planned, choices)
        assert told[name] == value
        assert type(told[name]) is type(value)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_a_misspelt_setting_is_answered_with_the_one_meant(anna: Store, name: str) -> None:
    wrong = name[:-2] + name[-1] + name[-2]
    with pytest.raises(MynaError, match=f"There is no training setting named '{wrong}'") as caught:
        by_wire(anna, engine={wrong: "1"})
    assert f"Did you mean {name}" in caught.value.hint


def test_warm_up_is_not_longer_than_the_run(anna: Store) -> None:
    with pytest.raises(MynaError, match="warmup must not be longer than the run; 11 of 10 steps were given"):
        by_wire(anna, engine={"warmup": "11", "steps": "10"})
    by_wire(anna, engine={"warmup": "11"})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("train anna --steps 1000000000000000000000", "steps must be a whole number from 1 to 10,000,000; 1"),
        ("train anna --seed -5", "seed must be a whole number from 0 to"),
        ("train anna --learning-rate 1e300", "learning_rate must be a number from 1e-12 to 10; 1e+300 was given"),
        (
            "train anna --set threads=1000000",
            "threads must be a whole number of threads from 0 to 1,024; 1000000 was given",
        ),
        ("train anna --set grad_clip=nan", "grad_clip must be a number from 0 to 1,000,000; nan was given"),
        ("train anna --set patience=3.5", "patience must be a whole number from 0 to 10,000,000; '3.5' was given"),
        ("train anna --dataset 99999999999", "dataset must be a whole number from"),
        ("train anna --steps 3.7", "Invalid value for '--steps'"),
        ("say Hi --voice anna --seed -5", "seed must be a whole number from 0 to"),
        ("say Hi -o - --voice anna --speed nan", "speed must be a number from 0.25 to 4; nan was given"),
        ("say Hi -o - --voice anna --temperature inf", "temperature must be a number from 0 to 2; inf was given"),
    ],
)
def test_a_person_at_the_command_line_reads_what_may_be(served: Path, words: str, sentence: str) -> None:
    environment = {**os.environ, "COLUMNS": "300"}
    ended = subprocess.run(
        [sys.executable, "-m", "tui.cli", "--home", served, *words.split()],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 2
