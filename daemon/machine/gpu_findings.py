"""What a person should know of Myna's GPUs: names in `gpus` that mean none, and GPUs that stopped answering. Told in
the log and to watchers when it is noticed, and by `myna doctor`."""

from __future__ import annotations

from daemon.machine.gpu import Device, Gpus
from proto import myna_pb2 as pb
from proto.findings import problem


def of(gpus: Gpus) -> list[pb.Finding]:
    """All that there is now, as of the last look."""
    lost = [lost_finding(device) for device in gpus.devices if device.lost] if gpus.present else []
    return [*_unknown(gpus), *lost]


def lost_finding(device: Device) -> pb.Finding:
    """It stopped answering."""
    return problem(
        f"gpu {device.index}",
        f"GPU {device.index} ({device.name}) does not answer; no job begins there.",
        "`nvidia-smi` and `dmesg` may say why. It is used again as soon as it answers.",
    )


def _unknown(gpus: Gpus) -> list[pb.Finding]:
    if not gpus.unknown:
        return []
    names = ", ".join(gpus.unknown)
    there = ", ".join(f"GPU {device.index}" for device in gpus.devices)
    instead = f"Myna works on {there}." if there else "Work runs on the CPU."
    sentence = f"gpus in myna.toml names {names}, which no GPU of this machine is called. {instead}"
    return [
        problem("gpus", sentence, "`nvidia-smi -L` lists them. Correct myna.toml (or MYNA_GPUS), then restart mynad.")
    ]
