"""The tables of engines elsewhere: what may be said in them, where texts go, and what characters cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import settings
from daemon.errors import BadRequest
from daemon.remote_price import keeps_budget, price
from daemon.remote_settings import Remote, use, usual
from engines.errors import BadInput
from engines.remote.providers import PROVIDERS
from proto import myna_pb2 as pb


def of(engine: str, **given: object):  # type: ignore[no-untyped-def]
    return use(engine, {**usual(), engine: Remote(**given)})  # type: ignore[arg-type]


def test_everything_elsewhere_is_off_until_it_is_switched_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(table.enabled for table in settings.load(tmp_path).remote.values())
    (tmp_path / "myna.toml").write_text('settle = 5\n[remote.openai]\nenabled = true\nvoices = ["alloy"]\n')
    found = settings.load(tmp_path).remote
    assert (found["openai"].enabled, found["openai"].voices, found["azure"].enabled) == (True, ("alloy",), False)
    monkeypatch.setenv("MYNA_REMOTE_OPENAI_ENABLED", "false")
    monkeypatch.setenv("MYNA_REMOTE_AZURE_BASE_URL", "https://westeurope.tts.speech.microsoft.com/")
    found = settings.load(tmp_path).remote
    assert not found["openai"].enabled
    assert use("azure", found).base_url == "https://westeurope.tts.speech.microsoft.com"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[remote.acme]\nenabled = true", "no remote engine named 'acme'"),
        ("[remote]\nopenai = true", "remote.openai must be a table"),
        ("[remote.openai]\nkey = 'sk-1'", "no remote engine openai setting named 'key'"),
        ("[remote.openai]\nbase_url = 'http://api.example.com'", "would send texts and the key in the clear"),
        ("[remote.openai]\nbase_url = 'https://user:secret@api.example.com'", "base_url must be a URL"),
        ("[remote.openai]\nbase_url = 'ftp://api.example.com'", "base_url must be a URL"),
        ("[remote.openai]\nbase_url = 'https://:0'", "is no address"),
        ("[remote.openai]\nprice = -1", "price must be a number"),
        ("[remote.openai]\ncurrency = 'dollars'", "currency must be a sign or a code"),
        ("[remote.openai]\nvoices = ['a b']", "voices must be a list of names"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, table: str, words: str) -> None:
    (tmp_path / "myna.toml").write_text(table)
    with pytest.raises(BadRequest) as refused:
        settings.load(tmp_path)
    assert words in str(refused.value)
    assert "myna.toml" in str(refused.value)


def test_a_server_on_this_machine_may_be_asked_in_the_clear() -> None:
    own = of("openai", base_url="http://127.0.0.1:8880/v1/")
    assert (own.base_url, own.host, own.needs_key, own.voices) == ("http://127.0.0.1:8880/v1", "127.0.0.1", False, ())
    assert of("openai").needs_key
    assert of("azure", base_url="https://westeurope.tts.speech.microsoft.com").needs_key


def test_the_owners_price_counts_before_the_list_which_is_for_the_provider_alone() -> None:
    listed = price(of("openai"))
    assert (listed.per_million, listed.currency, listed.listed) == (15.0, "USD", True)
    assert price(of("openai", model="tts-1-hd")).per_million == 30.0
    assert price(of("openai", model="gpt-4o-mini-tts")).of(1_000) is None, "it is priced by tokens: nobody knows"
    assert price(of("openai", base_url="http://localhost:1/v1")).of(1_000) is None
    assert all(price(of(name)).of(1) is None for name in PROVIDERS if name != "openai")
    own = price(of("openai", price=20.0, currency="€"))
    assert own.of(1_500) == pb.Money(amount=0.03, currency="€")


def test_a_budget_that_could_not_be_kept_is_told() -> None:
    assert keeps_budget(of("openai", budget_a_day=1.0)) == ""
    assert "nobody knows what a million characters cost" in keeps_budget(of("azure", budget_a_day=1.0))
    assert keeps_budget(of("openai", person_a_day=1.0, currency="€")) == "its budget is in €, and its price in USD"
    assert keeps_budget(of("openai", person_a_day=1.0, currency="$")) == ""
    with pytest.raises(BadInput, match="budget_a_day must be"):
        Remote(budget_a_day=float("nan"))
