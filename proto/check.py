"""Is the generated code what its sources say? `python -m proto.check` compares; `--write` (make proto) renews it.

Messages and stubs come from `proto/*.proto`, the blocking client from the one for asyncio: the same words without
`async` and `await`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("proto/myna.proto", "proto/worker.proto")

#: (pattern, replacement), in this order: what makes the blocking client of the asyncio one.
BLOCKING = (
    (r'\A""".*?"""\n', '"""The blocking client. Generated from client_async.py by proto/check.py; do not edit."""\n'),
    (r"\b(async|await) ", ""),
    (r"\bAsync(Client|Iterator)\b", r"\1"),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\bconnect_async\b", "connect"),
    (r"\bgrpc\.aio\.", "grpc."),
    (r"\basyncio\b", "time"),
    (r"\bAwaitable, ", ""),
    (r"\bAwaitable\[(\w+)\]", r"\1"),
)


def generate(out: Path) -> None:
    """Write below `out` what protoc makes of the sources, and the blocking client."""
    path = os.pathsep.join(
        (str(Path(sys.executable).parent), os.environ.get("PATH", ""))
    )  # protoc-gen-mypy lives in the venv
    messages, services = ("python_out", "mypy_out"), ("grpc_python_out", "mypy_grpc_out")
    for kinds, sources in ((messages, SOURCES), (services, SOURCES[:1])):  # frames have no services
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *(f"--{kind}={out}" for kind in kinds), *sources]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=True, capture_output=True, text=True)
    client = Path(ROOT, "proto/client_async.py").read_text()
    for pattern, replacement in BLOCKING:
        client = re.sub(pattern, replacement, client, flags=re.DOTALL)
    Path(out, "proto/client_sync.py").write_text(client)


def stale() -> list[str]:
    """Names of generated files that differ from what the sources give."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {path.name: path.read_bytes() for path in Path(folder, "proto").iterdir()}
    old = {
        path.name: path.read_bytes() for path in (ROOT / "proto").iterdir() if "_pb2" in path.name or path.name in fresh
    }
    return sorted(name for name in fresh.keys() | old.keys() if fresh.get(name) != old.get(name))


def main() -> int:
    if "--write" in sys.argv[1:]:
        generate(ROOT)
        print("proto: generated code written")
        return 0
    if names := stale():
        print(f"proto: {', '.join(names)} out of date. Run `make proto` and commit the result.")
        return 1
    print("proto: generated code is up to date")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
