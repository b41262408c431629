"""Who may ask at the HTTP door, and what anybody may."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from doors.http.pace import whose
from tests.daemon.certificates import Authority
from tests.doors.opened import Opened
from tests.tui.stage.server import Stage

pytestmark = pytest.mark.integration

TOKEN = "a-token-of-some-length"
SPEECH = {"model": "tts-1", "input": "One.", "voice": "anna", "response_format": "pcm"}
PAGE = "http://localhost:3000"


@pytest.fixture(scope="module")
def guarded(stage: Stage) -> Iterator[Opened]:
    """A door that wants the token, and lists voices without it."""
    made = Opened(stage.home, http={"listen": "127.0.0.1:0", "token": TOKEN, "voices_without_key": True,
                                    "voices": {"alloy": "anna"}, "origins": [PAGE]})  # fmt: skip
    yield made
    made.close()


@pytest.fixture
def stranger(guarded: Opened) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=guarded.http, timeout=20, trust_env=False) as made:
        yield made


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"])
def test_without_the_token_nothing_is_spoken(stranger: httpx.Client, stage: Stage, given: str | None) -> None:
    before = len(stage.speech.asked)
    answer = stranger.post("/v1/audio/speech", json=SPEECH, headers={} if given is None else {"authorization": given})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert len(stage.speech.asked) == before
    assert stranger.get("/v1/models", headers=stranger.headers).status_code == 401


def test_with_it_everything_is(stranger: httpx.Client) -> None:
    key = {"authorization": f"bearer {TOKEN}"}
    assert stranger.post("/v1/audio/speech", json=SPEECH, headers=key).status_code == 200
    assert stranger.get("/v1/models", headers=key).status_code == 200


def test_the_log_tells_of_the_refused_and_not_what_they_gave(stranger: httpx.Client, guarded: Opened) -> None:
    stranger.get("/v1/models", headers={"authorization": "Bearer secret-of-somebody-else"})
    guarded.until("wrong or missing token: 1 so far")
    assert not any("secret" in line or TOKEN in line for line in guarded.said)


def test_voices_are_listed_without_it_where_the_settings_say_so(stranger: httpx.Client) -> None:
    expected = [
        {"id": "anna", "name": "anna (en, glow)", "language": "en"},
        {"id": "alloy", "name": "alloy (anna)"},
    ]
    assert stranger.get("/v1/audio/voices").json() == {"voices": expected}
    assert {"id": "glow", "name": "glow"} in stranger.get("/v1/audio/models").json()["models"]


def test_pages_that_are_named_may_ask_and_others_may_not(
    stranger: httpx.Client, client: httpx.Client, stage: Stage
) -> None:
    asks = stranger.options("/v1/audio/speech", headers={"origin": PAGE, "access-control-request-method": "POST"})
    assert (asks.status_code, asks.headers["access-control-allow-origin"]) == (204, PAGE)
    key = {"authorization": f"Bearer {TOKEN}", "origin": PAGE}
    spoken = stranger.post("/v1/audio/speech", json=SPEECH, headers=key)
    assert (spoken.status_code, spoken.headers["access-control-allow-origin"]) == (200, PAGE)
    before = len(stage.speech.asked)
    other = client.post("/v1/audio/speech", json=SPEECH, headers={"origin": "http://evil.example"})
    assert (other.status_code, other.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert len(stage.speech.asked) == before


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("localhost:8765", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("[::1]", 200),
    ("evil.example", 403), ("evil.example:80", 403), ("127.0.0.1.evil.example", 403), ("192.168.0.7", 403), ("", 403),
])  # fmt: skip
def test_without_a_token_only_this_machine_by_its_own_name(client: httpx.Client, host: str, status: int) -> None:
    assert client.get("/v1/models", headers={"host": host}).status_code == status


def test_models(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [one["id"] for one in listed["data"]] == ["myna", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "glow", "xtts"]
    assert client.get("/v1/models/glow").json() == {"id": "glow", "object": "model", "created": 0, "owned_by": "myna"}
    missing = client.get("/v1/models/../../etc/passwd")
    assert missing.status_code == 404
    assert client.get("/v1/models/davinci").json()["error"]["code"] == "model_not_found"


def test_what_is_not_there_is_an_error_object(client: httpx.Client) -> None:
    assert client.get("/v1/audio/speech").status_code == 405
    assert client.get("/v1/nothing").json()["error"]["code"] == "not_found"
    answer = client.post("/v1/audio/translations", files={"file": b"RIFF"}, data={"model": "whisper-1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_implemented")


def test_openapi_names_every_route(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/audio/speech", "/v1/audio/voices", "/v1/models", "/metrics", "/healthz"} <= set(paths)


def test_metrics_are_handed_on_as_mynad_tells_them(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert (answer.status_code, answer.text) == (200, "myna_voices 1.0\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_mynad_that_is_away_is_503_until_it_is_back(client: httpx.Client, stage: Stage) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    stage.close()
    try:
        away = client.post("/v1/audio/speech", json=SPEECH)
        assert (away.status_code, away.json()["error"]["type"]) == (503, "server_error")
        assert int(away.headers["retry-after"]) > 0
        assert client.get("/healthz").status_code == 503
    finally:
        stage.open()
    patience = time.monotonic() + 20
    while client.get("/healthz").status_code != 200:  # the channel finds it again by itself, within a second or so
        assert time.monotonic() < patience
    assert client.post("/v1/audio/speech", json=SPEECH).status_code == 200


def test_https(stage: Stage, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority", "an authority")
    pair = authority.sign("localhost")
    files = {"tls_cert": str(pair.cert), "tls_key": str(pair.key)}
    made = Opened(stage.home, http={"listen": "127.0.0.1:0", "token": TOKEN, **files})
    try:
        assert made.http.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(authority.own.cert))
        url = f"https://localhost:{made.port}"
        with httpx.Client(base_url=url, timeout=20, trust_env=False, verify=trusted) as client:
            key = {"authorization": f"Bearer {TOKEN}"}
            assert client.post("/v1/audio/speech", json=SPEECH, headers=key).status_code == 200
    finally:
        made.close()


def test_who_asks_too_often_is_told_when_to_come_again_and_others_are_not(stage: Stage) -> None:
    opened = Opened(stage.home, http={"listen": "127.0.0.1:0", "requests_a_minute": 5, "token": TOKEN})
    try:
        hasty = httpx.HTTPTransport(local_address="127.0.0.2")
        with (
            httpx.Client(base_url=opened.http, trust_env=False, transport=hasty, timeout=20) as one,
            httpx.Client(base_url=opened.http, trust_env=False, timeout=20) as other,
        ):
            told = [one.get("/v1/models") for _ in range(9)]  # without the token: who tries tokens is counted, too
            assert [answer.status_code for answer in told[:4]] == [401] * 4
            assert told[-1].status_code == 429
            assert told[-1].json()["error"]["type"] == "rate_limit_error"
            assert 1 <= int(told[-1].headers["retry-after"]) <= 60
            assert other.get("/v1/models", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("", "", True),
    ],
)
def test_addresses_of_one_caller_count_together(one: str, other: str, same: bool) -> None:
    assert (whose(one) == whose(other)) is same


def test_each_answer_has_a_name_which_may_be_the_callers(stranger: httpx.Client, client: httpx.Client) -> None:
    one, other = (client.get("/v1/models").headers["x-request-id"] for _ in range(2))
    assert one != other
    assert client.get("/nowhere", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert stranger.get("/v1/models").headers["x-request-id"]
    for forged in ("a b", "x" * 129, "é"):
        answer = client.get("/healthz", headers={"x-request-id": forged.encode()})
        assert answer.headers["x-request-id"].encode() != forged.encode()


def test_a_page_may_send_what_it_asks_for_and_read_errors(stranger: httpx.Client) -> None:
    asks = {"origin": PAGE, "access-control-request-method": "POST"}
    wanted = "authorization,content-type,x-stainless-lang"
    answer = stranger.options("/v1/audio/speech", headers={**asks, "access-control-request-headers": wanted})
    assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (204, wanted)
    answer = stranger.options("/v1/audio/speech", headers={**asks, "access-control-request-headers": "a: b"})
    assert answer.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    refused = stranger.get("/v1/models", headers={"origin": PAGE})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)
    assert "Retry-After" in refused.headers["access-control-expose-headers"]
    other = stranger.options("/v1/audio/speech", headers={**asks, "origin": "http://elsewhere.example"})
    assert "access-control-allow-origin" not in other.headers


def test_a_slash_too_many_leads_nowhere_else(client: httpx.Client, stranger: httpx.Client) -> None:
    assert client.post("/v1/audio/speech/", json=SPEECH).status_code == 200
    assert client.get("/v1/models/").json() == client.get("/v1/models").json()
    assert stranger.post("/v1/audio/speech/", json=SPEECH).status_code == 401
    assert stranger.get("/healthz/").status_code == 200
    assert client.get("//").status_code == 404


def test_other_methods_are_told_which_there_is(client: httpx.Client) -> None:
    answer = client.get("/v1/audio/speech")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["message"] == "GET is not taken at this address; POST is."
    head = client.head("/v1/models")
    assert (head.status_code, head.content) == (200, b"")
    assert client.options("/v1/audio/speech").json()["error"]["message"].startswith("OPTIONS is not taken")
