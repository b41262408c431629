"""Is the generated code what `proto/*.proto` says? `python -m proto.check` compares; `--write` (make proto) renews it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("proto/myna.proto", "proto/worker.proto")


def generate(out: Path) -> None:
    """Run protoc over the sources, writing below `out`."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))  # protoc-gen-mypy lives in the venv
    messages, services = ("python_out", "mypy_out"), ("grpc_python_out", "mypy_grpc_out")
    for kinds, sources in ((messages, SOURCES), (services, SOURCES[:1])):  # frames have no services
        command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", *(f"--{kind}={out}" for kind in kinds), *sources]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=True, capture_output=True, text=True)


def stale() -> list[str]:
    """Names of generated files that differ from what the sources give."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {path.name: path.read_bytes() for path in Path(folder, "proto").iterdir()}
    old = {path.name: path.read_bytes() for path in (ROOT / "proto").glob("*_pb2*")}
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
