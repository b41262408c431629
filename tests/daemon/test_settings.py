"""Settings: defaults, the file, the environment, and what a person reads when one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.errors import BadRequest
from daemon.notify_settings import notifiers
from daemon.price import Price
from daemon.remote_settings import use
from daemon.services.listen import doorkeeper
from daemon.settings import Settings, load
from daemon.state.remote_voices import has_key
from daemon.upkeep import contents


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MYNA_SPEECH_READY", "MYNA_UPKEEP_NICE"):  # as tests have it
        monkeypatch.delenv(variable)
    assert load(tmp_path) == Settings()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "myna.toml").write_text("settle = 5\nauto_train = false\n")
    monkeypatch.setenv("MYNA_SETTLE", "0.5")
    settings = load(tmp_path)
    assert (settings.settle, settings.auto_train) == (0.5, False)


def test_what_an_hour_costs_is_a_table_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "myna.toml").write_text('settle = 5\n[cost]\nper_hour = 2\ncurrency = "CHF"\n')
    assert load(tmp_path).cost == Price(2.0, "CHF")
    monkeypatch.setenv("MYNA_COST_PER_HOUR", "0.5")
    monkeypatch.setenv("MYNA_COST_CURRENCY", "€")
    assert load(tmp_path).cost == Price(0.5, "€")
    monkeypatch.setenv("MYNA_COST_PER_HOUR", "much")
    with pytest.raises(BadRequest, match="MYNA_COST_PER_HOUR must be a number"):
        load(tmp_path)


def test_gpus_are_named_by_uuid_or_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "myna.toml").write_text('gpus = [1, "GPU-8f6c1d8e"]\n')
    assert load(tmp_path).gpus == ("1", "GPU-8f6c1d8e")
    monkeypatch.setenv("MYNA_GPUS", "0, GPU-8f6c1d8e")
    assert load(tmp_path).gpus == ("0", "GPU-8f6c1d8e")
    monkeypatch.setenv("MYNA_GPUS", "the big one")
    with pytest.raises(BadRequest, match=r"MYNA_GPUS must be a list of UUIDs .* or numbers"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("settle = 'soon'", ["myna.toml", "settle", "soon"]),
        ("gpus = [true]", ["myna.toml", "gpus", "nvidia-smi -L"]),
        ("gpus = 0", ["myna.toml", "gpus", "a list of UUIDs"]),
        ("setle = 2", ["myna.toml", "setle", "no daemon setting"]),
        ("settle = ", ["myna.toml", "not valid TOML"]),
        ("cost = 3", ["cost must be a table; 3 was given", "Write [cost]"]),
        ("[cost]\nper_our = 3", ["There is no cost setting named 'per_our'", "per_hour"]),
        ("[cost]\nper_hour = -1", ["per_hour must be a number from 0 to 1,000,000; -1 was given"]),
        ("[cost]\ncurrency = 'euros'", ["currency must be a sign or a code of three capital letters"]),
        ("settle = -1", ["settle", "-1", "from 0.001 to 86,400"]),
    ],
)
def test_a_wrong_setting_names_the_file_and_the_key(tmp_path: Path, content: str, words: list[str]) -> None:
    (tmp_path / "myna.toml").write_text(content)
    with pytest.raises(BadRequest) as caught:
        load(tmp_path)
    told = f"{caught.value} {caught.value.hint}"
    assert all(word in told for word in words), told


def test_a_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYNA_CPU_JOBS", "many")
    with pytest.raises(BadRequest, match="MYNA_CPU_JOBS"):
        load(tmp_path)


def test_files_are_looked_for_beside_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, elsewhere, own = tmp_path / "home", tmp_path / "elsewhere", tmp_path / "own"
    for folder in (home / "keys", elsewhere, own):
        folder.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("HOME", str(own))
    (home / "keys" / "token").write_text("a token that is long enough")
    (home / "keys" / "openai").write_text("sk-1234567890123456")
    (home / "phone").write_text("json://box/")
    for file in (home / "keys" / "token", home / "keys" / "openai", home / "phone"):
        file.chmod(0o600)
    (home / "myna.toml").write_text(
        'token_file = "keys/token"\ntls_cert = "~/cert.pem"\n[[notify]]\nurl_file = "phone"\n'
        '[remote.openai]\nenabled = true\nkey_file = "keys/openai"\n'
    )
    settings = load(home)
    assert settings.tls_cert == str(own / "cert.pem")
    doorkeeper(settings)  # raises where there is no token
    assert has_key(use("openai", settings.remote))
    assert [one.url for one in notifiers(settings.notify, home)] == ["json://box/"]
    assert contents.secrets(home) == ["keys/openai", "keys/token", "phone"], "and backups find the same"
    assert contents.without(home) == [own / "cert.pem"]
    monkeypatch.setenv("MYNA_TOKEN_FILE", "keys/other")
    assert load(home).token_file == str(home / "keys" / "other")
