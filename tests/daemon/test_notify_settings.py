"""[[notify]] in myna.toml: what is read, what is refused, and that no sentence has a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.errors import BadRequest
from daemon.notify_settings import CREDENTIALS, USUAL, Notifier, Notify, notifiers
from daemon.settings import load

pytestmark = pytest.mark.unit

URL = "ntfy://box.example/geheimnis"


def home(path: Path, text: str, mode: int = 0o600) -> Path:
    file = path / "myna.toml"
    file.write_text(text)
    file.chmod(mode)
    return path


def found(path: Path) -> tuple[Notifier, ...]:
    return notifiers(load(path).notify, path)


def test_tables_are_read_with_what_they_leave_out(tmp_path: Path) -> None:
    text = f'[[notify]]\nurl = "{URL}"\n[[notify]]\nname = "mail"\nurl_file = "mail.secret"\nevents = ["disk"]\n'
    home(tmp_path, text + 'quiet = "22-7"\ndigest = "1h"\nrepeat = false\nsample = false\n')
    (tmp_path / "mail.secret").write_text("mailto://geheimnis@box.example\n")
    (tmp_path / "mail.secret").chmod(0o600)
    first, second = found(tmp_path)
    assert (first.name, first.url, first.settings) == ("ntfy", URL, Notify(url=URL))
    assert first.settings.events == USUAL
    assert (second.name, second.url) == ("mail", "mailto://geheimnis@box.example")
    assert (second.settings.events, second.settings.repeat, second.settings.sample) == (("disk",), False, False)
    assert str(second.settings.plan.quiet) == "22-7"
    assert "geheimnis" not in repr((first, second, load(tmp_path)))


def test_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home(tmp_path, '[[notify]]\nurl_credential = "notify"\n')
    monkeypatch.delenv(CREDENTIALS, raising=False)
    with pytest.raises(BadRequest, match="systemd gave mynad no credentials, so the credential notify"):
        found(tmp_path)
    (tmp_path / "notify").write_text(URL)
    monkeypatch.setenv(CREDENTIALS, str(tmp_path))
    (one,) = found(tmp_path)
    assert one.url == URL


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("notify = 3", ["notify must be a list of tables; 3 was given", "[[notify]]"]),
        ('[notify]\nurl = "x"', ["notify must be a list of tables; a table was given"]),
        ("[[notify]]\n", ["has no URL, or more than one"]),
        (f'[[notify]]\nurl = "{URL}"\nurl_file = "x"', ["has no URL, or more than one"]),
        (f'[[notify]]\nurl = ["{URL}"]', ["url in [[notify]] must be a text"]),
        (f'[[notify]]\nulr = "{URL}"', ["There is no notify setting named 'ulr'", "Did you mean url"]),
        (f'[[notify]]\nurl = "{URL}"\nevents = ["fail"]', ["events must be a list of promoted"]),
        (f'[[notify]]\nurl = "{URL}"\nevents = ["missed"]', ["events must be a list of promoted"]),
        (f'[[notify]]\nurl = "{URL}"\nquiet = "late"', ["quiet must be hours"]),
        (f'[[notify]]\nurl = "{URL}"\ndigest = "8d"', ["digest must be a time"]),
        (f'[[notify]]\nurl = "{URL}"\nname = "../x"', ["name must be a name of at most 40 letters"]),
        (f'[[notify]]\nurl = "{URL}"\n' * 21, ["at most 20 are possible"]),
        (f'[[notify]]\nurl = "{URL}"\n' * 2, ["Two notifiers are called ntfy", "Give each a name"]),
        ('[[notify]]\nurl = "geheimnis"', ["is no URL of a service", "ntfy://HOST/TOPIC"]),
        ('[[notify]]\nurl = "ntfy://a b geheimnis"', ["is no URL of a service"]),
        ('[[notify]]\nurl_file = "gone"', ["gone cannot be read"]),
    ],
)
def test_a_wrong_table_is_said_with_what_to_do_and_without_its_secret(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(BadRequest) as caught:
        found(home(tmp_path, text))
    said = f"{caught.value} {caught.value.hint}"
    assert all(word in said for word in words), said
    assert "geheimnis" not in said


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_url_lies_where_nobody_else_reads_it(tmp_path: Path, mode: int) -> None:
    home(tmp_path, f'[[notify]]\nurl = "{URL}"\n', mode)
    with pytest.raises(BadRequest, match=r"Other users can read .*myna\.toml.* url_file"):
        found(tmp_path)
    home(tmp_path, '[[notify]]\nurl_file = "one.secret"\n', 0o644)
    (tmp_path / "one.secret").write_text(URL)
    (tmp_path / "one.secret").chmod(mode)
    with pytest.raises(BadRequest, match=r"Other users can read .*one\.secret.*chmod 600"):
        found(tmp_path)
    (tmp_path / "one.secret").chmod(0o600)
    assert found(tmp_path)[0].url == URL
