"""Tensors in the safetensors format, one in memory at a time, with a checksum; a full disk comes out as OSError.

(The library's own writer wants all tensors in host memory, and reports a full disk as text.)
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

_DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> dict[str, int]:
    """Write tensors of any shape by name, fsynced. Returns {"size": bytes, "crc32": of the file}. Raises KeyError for a
    dtype that _DTYPES lacks, OSError for a full disk."""
    offset, header = 0, {}
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    return _write(path, (len(head).to_bytes(8, "little"), head), tensors.values())


def _write(path: Path, head: Iterable[bytes], tensors: Iterable[torch.Tensor]) -> dict[str, int]:
    crc = 0
    with path.open("wb") as file:
        for piece in head:
            file.write(piece)
            crc = zlib.crc32(piece, crc)
        for tensor in tensors:
            raw = tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data
            file.write(raw)
            crc = zlib.crc32(raw, crc)
        file.flush()
        os.fsync(file.fileno())
        return {"size": file.tell(), "crc32": crc}


def crc32(path: Path) -> int:
    """CRC-32 of a file."""
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            crc = zlib.crc32(piece, crc)
    return crc
