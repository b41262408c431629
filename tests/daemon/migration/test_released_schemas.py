"""A database of every released schema opens, is brought to the newest schema, and still says what it said.

`released/<version>.sql` is the dump of a database as that version's migrations made it, with rows in every table; it
never changes. A release with a new schema adds a file.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import lives
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, select, text

import daemon.database.migrations
from daemon.database.models import Clip, Evaluation, Holdout, Home, Job, Row, Run, Version, Voice, now
from daemon.database.sqlite import engine as engine_of
from daemon.database.store import HEAD, Store, migrate, opened
from daemon.errors import MynaError
from daemon.state import events, jobs, runs, spoken_texts
from proto import myna_pb2 as pb

pytestmark = pytest.mark.migration

ROOT = Path(__file__).resolve().parents[3]
RELEASED = sorted((Path(__file__).parent / "released").glob("*.sql"))


@pytest.fixture(params=RELEASED, ids=[path.stem for path in RELEASED])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A home whose database an older Myna left."""
    with sqlite3.connect(tmp_path / "myna.db") as connection:
        connection.executescript(request.param.read_text())
    connection.close()
    return tmp_path


def schema(engine: Engine) -> dict[str, str]:
    """Every table and index as SQLite has it, without white space and quotes that mean nothing."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != 'alembic_version'")
        )
        return {name: "".join(sql.replace('"', "").split()) for name, sql in rows}


def test_it_opens_and_its_rows_are_there(home: Path) -> None:
    with opened(home) as store:
        every = store.read_now(lambda s: list(s.scalars(select(Job).order_by(Job.id))))
        assert [job.state for job in every] == ["succeeded", "running", "paused", "failed", "cancelled", "queued"]
        for job in every:
            assert jobs.message(job).title == job.title
        assert store.read_now(lambda s: s.get_one(Voice, "anna").promoted) == 1
        assert store.read_now(lambda s: s.scalars(select(Version)).one().metrics) == {"wer": 0.3}
        assert store.read_now(lambda s: s.scalars(select(Holdout)).one().held) is False
        assert store.read_now(lambda s: s.scalars(select(Clip)).one().text) == "Hello there."
        assert store.read_now(lambda s: s.scalars(select(Evaluation)).one().better) is True
        (series,) = store.read_now(runs.points, 1)
        assert list(series.steps) == [1, 2, 3]
        assert len(store.read_now(events.after, 0)[0]) == 6


def test_work_goes_on_in_it(home: Path) -> None:
    """What its mynad left running waits again, at its old place; what a person holds stays held; cursors go on."""
    with opened(home) as store:
        cursor = store.read_now(events.newest)
        assert store.write_now(lives.recover) == [2]
        assert [job.id for job in store.read_now(jobs.live) if job.state == "queued"] == [2, 6]
        assert store.read_now(lambda s: jobs.get(s, 3).state) == "paused"
        assert [event.job.id for event in store.read_now(events.after, cursor)[0]] == [2]


def test_the_home_and_each_run_get_an_identity_that_stays(home: Path) -> None:
    def uuids(store: Store) -> list[str]:
        return store.read_now(
            lambda s: [s.scalars(select(Home.uuid)).one(), *s.scalars(select(Run.uuid).order_by(Run.id))]
        )

    with opened(home) as store:
        first = uuids(store)
    assert len(set(first)) == 3
    assert {len(uuid) for uuid in first} == {32}
    with opened(home) as store:
        assert uuids(store) == first


def test_it_ends_at_the_newest_schema(home: Path, tmp_path: Path) -> None:
    with opened(home) as old, opened(tmp_path / "new") as new:
        assert schema(old.engine).keys() == schema(new.engine).keys()
        with old.engine.connect() as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD


def test_texts_of_before_are_forgotten_too(home: Path) -> None:
    """Whether a transcription has one stands in its spec: those are looked at once."""
    with sqlite3.connect(home / "myna.db") as connection:
        kind = "UPDATE jobs SET kind = ?, title = ?, spec = ? WHERE id = ?"
        heard = pb.JobSpec(transcribe=pb.TranscribeSpec(prompt="Doctor")).SerializeToString()
        said = pb.JobSpec(speak=pb.SpeakSpec(text="Good evening.")).SerializeToString()
        connection.execute(kind, ("transcribe", "transcribe a.wav", heard, 1))
        connection.execute(kind, ("speak", "say “Good evening.” as anna@1", said, 4))
        connection.execute(
            kind, ("speak", f"say {spoken_texts.FORGOTTEN} as anna@1", pb.JobSpec().SerializeToString(), 5)
        )
    connection.close()
    with opened(home) as store:
        assert store.read_now(spoken_texts.jobs_with_text, now()) == [1, 4]
        assert store.write_now(spoken_texts.forget, [1, 4]) == 2
        assert store.read_now(spoken_texts.jobs_with_text, now()) == []


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(daemon.database.migrations.__file__).parent))
    return ScriptDirectory.from_config(config)


def test_the_store_knows_the_newest_revision() -> None:
    assert script().get_current_head() == HEAD


def test_every_released_schema_is_part_of_the_history() -> None:
    assert RELEASED
    known = {revision.revision for revision in script().walk_revisions()}
    for path in RELEASED:
        assert any(f"alembic_version\" VALUES('{revision}')" in path.read_text() for revision in known)


def test_the_migrations_make_what_the_models_say(tmp_path: Path) -> None:
    """A new home is made from the models, an old one by the migrations: both must end at the same tables and
    indexes."""
    by_migrations, by_models = engine_of(tmp_path / "a.db"), engine_of(tmp_path / "b.db")
    daemon.database.migrations.upgrade(by_migrations)
    migrate(by_models)
    # Alembic cannot compare an index over an expression (priority DESC): that one is held to below, as all are
    options = {"compare_type": True, "include_object": lambda _object, name, *_: name != "jobs_live"}
    with by_migrations.connect() as connection:
        assert not compare_metadata(MigrationContext.configure(connection, opts=options), Row.metadata)
    one, other = schema(by_migrations), schema(by_models)
    assert one.keys() == other.keys()
    indexes = [name for name in one if one[name].startswith("CREATE") and "INDEX" in one[name]]
    assert {name: one[name] for name in indexes} == {name: other[name] for name in indexes}
    for engine in (by_migrations, by_models):
        engine.dispose()


def test_alembic_by_itself_finds_nothing_to_change(tmp_path: Path) -> None:
    """In a process that has imported no table: what nobody imports there is taken for one to drop."""
    migrate(database := engine_of(tmp_path / "myna.db"))
    database.dispose()
    program = (
        "import sys; from alembic import command; from alembic.config import Config; config = Config(); "
        "config.set_main_option('script_location', sys.argv[1]); command.check(config)"
    )
    script_location = str(Path(daemon.database.migrations.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", program, script_location],
        cwd=ROOT,
        env={**os.environ, "MYNA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]


def test_a_database_of_a_newer_myna_is_refused_with_a_sentence_and_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / "myna.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(MynaError, match="newer Myna"):
        Store(tmp_path)
    with sqlite3.connect(tmp_path / "myna.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_what_is_no_database_is_refused_with_a_sentence_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "myna.db").write_bytes(b"my letters, " * 1_000)
    with pytest.raises(MynaError, match=r"myna\.db cannot be used"):
        Store(tmp_path)
    assert (tmp_path / "myna.db").read_bytes() == b"my letters, " * 1_000
