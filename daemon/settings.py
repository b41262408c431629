"""Settings of the daemon: `<home>/myna.toml`, overridden by the environment (`MYNA_…`). docs/configuration.md explains
each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from daemon import notify_settings, remote_settings
from daemon.door_settings import HTTP, WYOMING, Http, Wyoming, other_names, told
from daemon.errors import BadRequest
from daemon.executor_settings import EXECUTOR, Executor
from daemon.idle_settings import WHEN_IDLE, WhenIdle
from daemon.keep_settings import KEEP, Keep
from daemon.named_file import named_file
from daemon.notify_settings import Notify
from daemon.price import PRICE, Price
from daemon.push_settings import PUSH, Push
from daemon.remote_settings import Remote
from daemon.site_settings import CONSENT, SPEECH, Consent, Speech
from engines import registry
from engines.capabilities import Capability
from engines.errors import BadInput
from engines.setting import Setting, checked, declared, shown
from proto import people_toml
from proto.people_toml import BadToml

DAY, YEAR = 86_400, 31_536_000  #: seconds
MOST_BYTES = 10**18


@dataclass(frozen=True)
class Settings:
    """Checked settings; every field has a default that suits one workstation."""

    # inbox
    settle: Annotated[
        float, Setting("how long a file in the inbox must stay unchanged before it is taken", 0.001, DAY, "seconds")
    ] = 2.0
    poll: Annotated[
        str, Setting('look for files by polling: "auto" where inotify is silent', choices=("auto", "always", "never"))
    ] = "auto"
    rescan: Annotated[float, Setting("time between full scans of the inbox", 0.001, DAY, "seconds")] = 60.0
    ingest_batch: Annotated[int, Setting("most files of one ingest job", 1, 100_000, "files")] = 500
    min_free_disk: Annotated[
        int, Setting("disk space that stays free: below that nothing is taken or trained", 0, MOST_BYTES, "bytes")
    ] = 1_000_000_000

    # training by itself
    auto_train: Annotated[bool, Setting("train by itself when enough new audio is kept")] = True
    auto_train_min_seconds: Annotated[float, Setting("new kept audio that starts a training", 0, YEAR, "seconds")] = (
        30.0
    )
    auto_train_quiet: Annotated[
        float, Setting("how long an inbox must be quiet before its recordings become a dataset", 0, DAY, "seconds")
    ] = 5.0
    default_engine: Annotated[
        str,
        Setting(
            "engine of a new voice without `voice.toml`",
            choices=tuple(info.name for info in registry.having(Capability.SPEAKS)),
        ),
    ] = "glow"
    default_language: Annotated[
        str,
        Setting("its language, ISO 639-1", form='a code, like "en" or "de"', pattern="[a-z]{2,3}(-[A-Za-z0-9]{2,8})?"),
    ] = "en"

    # workers
    heartbeat_timeout: Annotated[
        float, Setting("silence after which a worker is ended and its job queued again", 0.1, DAY, "seconds")
    ] = 30.0
    stop_grace: Annotated[float, Setting("time that a worker gets to save at shutdown", 0.001, DAY, "seconds")] = 60.0
    threads: Annotated[int, Setting("CPU threads of a worker; 0: torch's choice", 0, 1_024, "threads")] = 0
    gpus: Annotated[
        tuple[str, ...],
        Setting(
            "GPUs that Myna works on, the preferred one first; none named: those that `CUDA_VISIBLE_DEVICES` leaves",
            form='a list of UUIDs ("GPU-…") or numbers, as `nvidia-smi -L` tells them',
            pattern="[0-9]{1,4}|GPU-[0-9A-Fa-f-]{4,36}",
        ),
    ] = ()
    cpu_jobs: Annotated[int, Setting("jobs at once in the CPU lane", 1, 1_024, "jobs")] = 2
    train_share: Annotated[
        float, Setting("part of the GPU's time that a training keeps while one speech job follows another", 0, 0.9)
    ] = 0.1
    speech_idle_seconds: Annotated[
        float, Setting("idle time after which the speech worker gives its memory back", 0.001, YEAR, "seconds")
    ] = 600.0
    speech_ready: Annotated[
        bool,
        Setting(
            "keep a speech worker waiting that has loaded what the voices' engines need, so that the first word comes "
            "within a second: some 360 MB of memory with glow, 500 MB with xtts"
        ),
    ] = True
    speech_memory: Annotated[
        int,
        Setting(
            "loaded voices that the speech worker may hold, packed matrices among them; what voices share counts once",
            1,
            MOST_BYTES,
            "bytes",
        ),
    ] = 4_000_000_000

    # engines
    weights_url: Annotated[
        str,
        Setting(
            "a mirror of engines' bases: it has `<engine>/<file>` in place of the publishers; "
            "digests are checked all the same",
            form="a URL that begins with http:// or https://, or empty",
            pattern="(https?://.*)?",
        ),
    ] = ""

    # state
    events_kept: Annotated[int, Setting("events kept for watchers that come back", 1, 100_000_000, "events")] = 200_000

    log_format: Annotated[
        str,
        Setting("form of `log/mynad.log` and of stderr: lines for people, or JSON objects", choices=("text", "json")),
    ] = "text"
    # upkeep
    upkeep_nice: Annotated[
        int,
        Setting(
            "niceness of backups and checks: at 19 a training beside them notices nothing, and on a machine that is "
            "busy they take long; at 0 they take their share",
            0,
            19,
        ),
    ] = 19
    upkeep_rate: Annotated[
        int,
        Setting(
            "what backups and checks read while a job is at work, at most, where no `--rate` is given: more slows a "
            "training on the CPU down; 0: no bound",
            0,
            1_000_000,
            "MB a second",
        ),
    ] = 40

    # network: a Unix socket always; TCP only with TLS and a token or client certificates
    listen: Annotated[
        str,
        Setting(
            '"host:port" for TCP, besides the Unix socket; needs `tls_cert`, `tls_key`, and '
            "`token_file` or `tls_client_ca`"
        ),
    ] = ""
    tls_cert: Annotated[str, Setting("file of the server's certificate; a relative one lies beside `myna.toml`")] = ""
    tls_key: Annotated[str, Setting("file of its key, likewise")] = ""
    tls_client_ca: Annotated[str, Setting("file of the authority that signed clients' certificates, likewise")] = ""
    token_file: Annotated[str, Setting("file with the token that clients must know, likewise")] = ""

    # tables of their own
    cost: Price = field(default_factory=Price)
    http: Http = field(default_factory=Http)
    wyoming: Wyoming = field(default_factory=Wyoming)
    consent: Consent = field(default_factory=Consent)
    speech: Speech = field(default_factory=Speech)
    keep: Keep = field(default_factory=Keep)
    when_idle: WhenIdle = field(default_factory=WhenIdle)
    notify: tuple[Notify, ...] = ()
    executor: Executor = field(default_factory=Executor)
    remote: Mapping[str, Remote] = field(default_factory=remote_settings.usual)  #: by engine
    push: Push = field(default_factory=Push)

    def __post_init__(self) -> None:
        checked(SETTINGS, {name: getattr(self, name) for name in SETTINGS}, "daemon")

    def doors(self, *, child: bool) -> dict[str, str]:
        """As `door_settings.told`."""
        return told(self.http, self.wyoming, self.token_file, (self.tls_cert, self.tls_key), child=child)


SETTINGS = declared(Settings)
#: those that name a file
NAMING_FILES = ("tls_cert", "tls_key", "tls_client_ca", "token_file")
#: tables of myna.toml
TABLES = {
    "cost": PRICE,
    "http": HTTP,
    "wyoming": WYOMING,
    "consent": CONSENT,
    "speech": SPEECH,
    "keep": KEEP,
    "when_idle": WHEN_IDLE,
    "executor": EXECUTOR,
    "push": PUSH,
}


def load(home: Path) -> Settings:
    """Read the settings of a home folder; files that they name are whole paths then. Raises BadRequest naming the file
    or the variable, the key, and what it should be."""
    values: dict[str, Any] = {}
    path = home / "myna.toml"
    if path.is_file():
        try:
            with path.open("rb") as file:
                values = people_toml.loads(file.read(people_toml.LIMIT + 1))
        except BadToml as bad:
            raise BadRequest(f"{path} {bad.sentence}", bad.hint) from None
        except OSError as error:
            raise BadRequest(
                f"{path} cannot be read: {error.strerror}.", "Give mynad's user the right to read it."
            ) from None
    try:
        elsewhere = remote_settings.read(values.pop(remote_settings.TABLE, {}))
        tables = {name: values.pop(name, {}) for name in TABLES}
        for name, table in tables.items():
            if not isinstance(table, dict):
                hint = f"Write [{name}], and its settings below."
                raise BadInput(f"{name} must be a table; {shown(table)} was given.", hint)
        values |= _numbers_as_texts(values, "gpus")
        told = notify_settings.read(values.pop("notify", []), path)
        names = other_names(tables["http"].pop("voices", {}))
        of = {name: checked(known, tables[name], name) for name, known in TABLES.items()}
        given = checked(SETTINGS, values, "daemon")
    except BadInput as error:
        raise BadRequest(f"{path}: {error}", error.hint) from None
    try:
        for name, known in TABLES.items():
            of[name] |= _environment(known, f"MYNA_{name.upper()}_")
        given |= _environment(SETTINGS, "MYNA_")
        of_tables: dict[str, Any] = {
            "cost": Price(**of["cost"]),
            "http": Http(**of["http"], voices=names),
            "wyoming": Wyoming(**of["wyoming"]),
            "consent": Consent(**of["consent"]),
            "speech": Speech(**of["speech"]),
            "keep": Keep(**of["keep"]),
            "when_idle": WhenIdle(**of["when_idle"]),
            "executor": Executor(**of["executor"]),
            "notify": told,
            remote_settings.TABLE: remote_settings.made(elsewhere, _environment),
            "push": Push(**of["push"]),
        }
    except BadInput as error:
        raise BadRequest(str(error), error.hint) from None
    return _with_whole_paths(Settings(**given, **of_tables), home)


def _with_whole_paths(settings: Settings, home: Path) -> Settings:
    """So that whoever reads a file that they name looks at the same place."""

    def whole(given: str) -> str:
        return given and str(named_file(home, given))

    files: dict[str, Any] = {name: whole(getattr(settings, name)) for name in NAMING_FILES}
    return replace(
        settings,
        **files,
        notify=tuple(replace(one, url_file=whole(one.url_file)) for one in settings.notify),
        remote={name: replace(one, key_file=whole(one.key_file)) for name, one in settings.remote.items()},
    )


def _numbers_as_texts(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A list whose whole numbers may stand without quotes."""
    given = values.get(name)
    if not isinstance(given, list):
        return {}
    return {name: [str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in given]}


def _environment(known: Mapping[str, Setting], prefix: str) -> dict[str, Any]:
    """The settings that variables set. Raises BadInput."""
    named = ((name, f"{prefix}{name.upper()}") for name in known)
    return {
        name: known[name].read(variable, text)
        for name, variable in named
        if (text := os.environ.get(variable)) is not None
    }
