"""mynad as a process: alone, private, light, and gone in order."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from proto import myna_pb2 as pb
from proto.client import Client, ClientError, connect

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]


def start(home: Path, **environment: str) -> subprocess.Popen[str]:
    env = {**os.environ, "MYNA_HOME": str(home), **environment}
    return subprocess.Popen([sys.executable, "-m", "daemon.main"], cwd=ROOT, env=env, text=True, stderr=subprocess.PIPE)


@contextmanager
def mynad(home: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    process = start(home, **environment)
    try:
        with connect(home=home) as client:
            client.wait_ready(20.0)
            yield process, client
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    """One mynad for the tests that only ask."""
    with mynad(tmp_path_factory.mktemp("mynad") / "home") as both:
        yield both


def refusal(home: Path, **environment: str) -> str:
    """What a mynad that must not start says; its exit code is 2, and it is one line."""
    process = start(home, **environment)
    _, words = process.communicate(timeout=20)
    assert process.returncode == 2, words
    assert "Traceback" not in words
    return words.splitlines()[-1]


Running = tuple[subprocess.Popen[str], Client]


def test_the_second_mynad_says_who_was_first(running: Running) -> None:
    first, client = running
    words = refusal(Path(client.info().home))
    assert "already runs" in words
    assert f"process {first.pid}" in words


def test_the_socket_and_the_folders_are_private(running: Running) -> None:
    home = Path(running[1].info().home)
    assert stat.S_IMODE((home / "run/mynad.sock").stat().st_mode) == 0o600
    for folder in (home, home / "run", home / "log"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_socket_a_killed_mynad_left_is_replaced(tmp_path: Path) -> None:
    with mynad(tmp_path) as (process, _):
        process.kill()
        process.wait()
        assert (tmp_path / "run/mynad.sock").exists()
    with mynad(tmp_path) as (_, client):
        assert client.info().pid


def test_what_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/mynad.sock").write_text("mine")
    assert "is not a socket" in refusal(tmp_path)
    assert (tmp_path / "run/mynad.sock").read_text() == "mine"


def test_a_path_too_long_for_a_socket_is_a_sentence(tmp_path: Path) -> None:
    words = refusal(tmp_path / ("a" * 60) / ("b" * 60))
    assert "the system allows 107" in words
    assert "MYNA_HOME" in words


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be used" in refusal(tmp_path / "file" / "home")


def test_a_log_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("somebody's")
    assert f"The log {tmp_path / 'log' / 'mynad.log'} cannot be written: " in refusal(tmp_path)


def test_a_setting_it_does_not_know_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "myna.toml").write_text("colour = 'blue'\n")
    assert "colour" in refusal(tmp_path)


def test_an_orderly_end_is_exit_code_0_and_leaves_no_socket_and_no_process(tmp_path: Path) -> None:
    with mynad(tmp_path) as (process, client):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1  # the launcher
        client.shutdown()
        process.wait(20)
        assert process.returncode == 0
        assert not (tmp_path / "run/mynad.sock").exists()
        assert not Path(f"/proc/{children[0]}").exists()


def test_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    with mynad(tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_no_torch_and_no_numpy_in_the_process(running: Running) -> None:
    """Asked of the process itself: which libraries it has mapped, after it was asked what it could be asked."""
    process, client = running
    client.doctor()
    mapped = Path(f"/proc/{process.pid}/maps").read_text()
    for heavy in ("site-packages/numpy", "site-packages/torch", "site-packages/scipy", "onnxruntime"):
        assert heavy not in mapped


def test_health_and_reflection_answer(running: Running) -> None:
    with grpc.insecure_channel(f"unix:{running[1].info().home}/run/mynad.sock") as channel:
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        (answer,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([asked]))
        services = {service.name for service in answer.list_services_response.service}
        named = ("Jobs", "Runs", "Voices", "Datasets", "Speech", "System")
        assert services >= {*(f"myna.v1.{name}" for name in named), "grpc.health.v1.Health"}


def test_systemd_is_told_when_it_is_ready_and_when_it_ends(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        with mynad(tmp_path / "home", NOTIFY_SOCKET=str(tmp_path / "notify")):
            assert systemd.recv(100) == b"READY=1"
        assert systemd.recv(100) == b"STOPPING=1"


def test_every_method_of_the_contract_is_served(running: Running) -> None:
    """Nothing answers that it does not exist; what comes in a later version says so in a sentence."""
    with grpc.insecure_channel(f"unix:{running[1].info().home}/run/mynad.sock") as channel:
        for service in pb.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                if method.name == "Shutdown":
                    continue
                call = channel.stream_stream(f"/{service.full_name}/{method.name}")(iter([b""]), timeout=1)
                try:
                    next(iter(call), None)
                except grpc.RpcError as error:
                    assert error.details() != "Method not found!", method.full_name  # noqa: PT017
                    if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                        assert "later version" in error.details(), method.full_name  # noqa: PT017
                finally:
                    call.cancel()


def test_info_tells_what_runs_here(running: Running) -> None:
    process, client = running
    info = client.info()
    assert info.pid == process.pid
    assert info.sample.memory_total > info.sample.memory_used > 0
    assert info.sample.disk_total > 0
    assert bool(info.sample.gpus) != bool(info.sample.no_gpu)
    assert [engine.name for engine in info.engines if engine.ready]


# ------------------------------------------------------------------------------------------------------- over a network


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(
        [*command, "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return key, cert


def test_plain_tcp_is_refused(tmp_path: Path) -> None:
    assert "without encryption" in refusal(tmp_path, MYNA_LISTEN="127.0.0.1:0")


def test_tls_without_a_way_to_know_who_calls_is_refused(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    words = refusal(tmp_path, MYNA_LISTEN="127.0.0.1:0", MYNA_TLS_CERT=str(cert), MYNA_TLS_KEY=str(key))
    assert "Anybody who reaches" in words


def test_a_token_that_others_can_read_is_refused(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123")
    token.chmod(0o644)
    tls = {"MYNA_TLS_CERT": str(cert), "MYNA_TLS_KEY": str(key)}
    assert "Other users can read" in refusal(tmp_path, MYNA_LISTEN="127.0.0.1:0", MYNA_TOKEN_FILE=str(token), **tls)


def test_over_tls_only_the_token_opens(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123")
    token.chmod(0o600)
    host = f"localhost:{free_port()}"
    tls = {"MYNA_TLS_CERT": str(cert), "MYNA_TLS_KEY": str(key)}
    with mynad(tmp_path / "home", MYNA_LISTEN=host, MYNA_TOKEN_FILE=str(token), **tls):
        with connect(host=host, token="0123456789abcdef0123", tls_ca=cert) as client:
            assert client.info().pid
        for wrong in ("", "0123456789abcdef0124"):
            with connect(host=host, token=wrong, tls_ca=cert) as client, pytest.raises(ClientError) as caught:
                client.info()
            assert caught.value.code == "UNAUTHENTICATED"


@pytest.mark.long
def test_over_tls_a_client_certificate_opens(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    host = f"localhost:{free_port()}"
    tls = {"MYNA_TLS_CERT": str(cert), "MYNA_TLS_KEY": str(key), "MYNA_TLS_CLIENT_CA": str(cert)}
    with mynad(tmp_path / "home", MYNA_LISTEN=host, **tls):
        with connect(host=host, tls_ca=cert, tls_cert=cert, tls_key=key) as client:
            assert client.info().pid
        with connect(host=host, tls_ca=cert) as client, pytest.raises(ClientError):
            client.info()
