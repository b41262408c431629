"""Encoded clips in `features/`: each file tells the hash of what is in it. `engines.features` writes them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

#: numpy's spelling of safetensors' types
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip


def is_whole(path: Path) -> bool:
    """Whether the file holds what was written. Read at once: an encoded clip is small. Raises OSError."""
    data = path.read_bytes()
    try:
        length = int.from_bytes(data[:8], "little")
        head: dict[str, Any] = json.loads(data[8 : 8 + length])
        told = head.pop("__metadata__", {}).get("sha256")
        return bool(told) and told == _digest(head, data[8 + length :])
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _digest(head: dict[str, Any], data: bytes) -> str:
    digest, ends = hashlib.sha256(), 0
    for name in sorted(head):
        begin, end = head[name]["data_offsets"]
        ends = max(ends, end)
        digest.update(f"{name} {_TYPES[head[name]['dtype']]} {tuple(head[name]['shape'])} ".encode())
        digest.update(data[begin:end])
    return digest.hexdigest() if ends == len(data) else ""
