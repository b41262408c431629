"""The device "gpu:0". Its tensors lie in host memory and are computed there, so that a loop which depends on a value
goes the way it would go; but they cannot be mixed with tensors of the CPU, as on a card, and what makes the host wait
is recorded.

Registering it changes the whole process for good (torch has a second device from then on, and seeds it): only in a
process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from tests.pretend_gpu import autocast
from tests.pretend_gpu.waits import Record, Why

NAME = "gpu"
DEVICE = "gpu:0"

aten = torch.ops.aten
#: Operations whose result the host needs before it can go on.
_READS = {aten._local_scalar_dense, aten.equal}
#: Operations whose result is as large as the values say.
_COUNTS = {aten.nonzero, aten.masked_select, aten._unique2, aten.unique_dim, aten.unique_consecutive, aten.bincount}
#: Operations that take indices from the CPU too, which are sent.
_INDEXES = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
#: Operations that do not take even a single number from the CPU.
_STRICT = {aten.cat, aten.stack}
_COPIES = {aten._to_copy, aten.copy_, aten.copy}


class LeftOnTheCpu(RuntimeError):
    """An operation was given tensors of both devices. A card raises RuntimeError for the same."""


class OnGpu(torch.Tensor):
    """A tensor on DEVICE; `inner` is what it stands for."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> OnGpu:
        with torch.inference_mode(False):  # in that mode torch takes a view for one of its own tensors only so
            made: OnGpu = torch.Tensor._make_wrapper_subclass(
                cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
                layout=inner.layout, device=torch.device(DEVICE), requires_grad=False,
            )  # fmt: skip
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is aten._has_compatible_shallow_copy_type.default:
            return True  # asked for where one becomes another, as below
        raise AssertionError(f"{func} is called on {DEVICE} outside of `pretended()`")

    @property
    def data(self) -> torch.Tensor:  # type: ignore[override]
        return self.detach()

    @data.setter
    def data(self, value: OnGpu) -> None:
        torch.Tensor.data.__set__(self, value)  # type: ignore[attr-defined]
        self.inner = value.inner

    def data_ptr(self) -> int:
        return self.inner.data_ptr()

    def tolist(self) -> Any:
        return self.cpu().tolist()  # torch's own takes no subclass

    def __repr__(self, *, tensor_contents: object = None) -> str:
        return f"OnGpu({tuple(self.shape)}, {self.dtype})"


class _Module(_DummyBackendModule):
    """What torch asks of a device's own module."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]

    def get_rng_state(self, device: object = DEVICE) -> torch.Tensor:
        return torch.get_rng_state()

    def set_rng_state(self, state: torch.Tensor, device: object = DEVICE) -> None:
        torch.set_rng_state(state)


def register() -> None:
    """Give this process the device, once."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    torch.__future__.set_swap_module_params_on_conversion(True)  # parameters stay the same objects, as on a card
    autocast.register()


@contextmanager
def pretended(record: Record) -> Iterator[None]:
    """Tensors can be made on DEVICE, and waits are recorded."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)  # else `torch.tensor(…, device=DEVICE)` passes by
    try:
        with _Pretence(record):
            yield
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


def _on_cpu(argument: Any) -> Any:
    if isinstance(argument, OnGpu):
        return argument.inner
    return torch.device("cpu") if isinstance(argument, torch.device) else argument


class _Pretence(TorchDispatchMode):
    """Runs every operation, after a look at where its tensors are."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to say so, torch would load its compiler, which takes seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        kwargs = dict(kwargs or {})
        flat, shape = tree_flatten((args, kwargs))
        ours = {id(one.inner): one for one in flat if isinstance(one, OnGpu)}
        asked = [torch.device(kwargs["device"])] if kwargs.get("device") is not None else []
        asked += [one for one in flat if isinstance(one, torch.device)]
        there = asked[0].type == NAME if asked else bool(ours)
        if not ours and not there:
            return func(*args, **kwargs)
        if func._can_decompose():  # in inference mode what is made of other operations comes whole
            with self:
                return func.decompose(*args, **kwargs)
        self._look(func, args, kwargs, flat, bool(ours), there)
        args, kwargs = tree_unflatten([_on_cpu(one) for one in flat], shape)
        result = func(*args, **kwargs)
        if not there:
            return result
        if func.overloadpacket is aten.copy_ and not isinstance(flat[0], OnGpu):
            return result  # out of the card

        def wrapped(one: Any) -> Any:
            if not isinstance(one, torch.Tensor):
                return one
            known = ours.get(id(one))
            if known is not None and (known.shape, known.stride()) != (one.shape, one.stride()):  # `transpose_`
                torch.Tensor.data.__set__(known, OnGpu(one))  # type: ignore[attr-defined]
            return OnGpu(one) if known is None else known

        return wrapped(result) if isinstance(result, torch.Tensor) else tree_map(wrapped, result)

    def _look(
        self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], flat: Sequence[Any], ours: bool, there: bool
    ) -> None:
        """Raises LeftOnTheCpu for what a card would refuse; records what it would wait for."""
        packet = func.overloadpacket
        generator = kwargs.get("generator")
        if generator is not None and there and generator.device.type != NAME:
            raise LeftOnTheCpu(f"{func} draws on {DEVICE} from a generator of the CPU")
        if packet in _COPIES:
            self._copy(packet, args, kwargs)
            return
        indices = [one for one in tree_flatten(args[1])[0] if one is not None] if packet in _INDEXES else []
        known = {id(index) for index in indices}
        here = [one for one in flat if isinstance(one, torch.Tensor) and not isinstance(one, OnGpu)]
        left = [one for one in here if id(one) not in known and (one.dim() or packet in _STRICT)]
        if left and ours:
            shapes = ", ".join(f"{tuple(one.shape)} {one.dtype}" for one in left)
            raise LeftOnTheCpu(f"{func} on {DEVICE} was given a tensor of the CPU: {shapes}")
        if packet in _READS:
            self._record.wait(Why.VALUE)
        elif packet in _COUNTS or (packet is aten.repeat_interleave and kwargs.get("output_size") is None):
            self._record.wait(Why.SIZE)
        for index in indices:
            if not isinstance(index, OnGpu):
                self._record.wait(Why.SEND)
            elif index.dtype in (torch.bool, torch.uint8):
                self._record.wait(Why.SIZE)

    def _copy(self, packet: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if packet is aten._to_copy:
            source, asked = args[0], kwargs.get("device")
            to = isinstance(source, OnGpu) if asked is None else torch.device(asked).type == NAME
            waits = not kwargs.get("non_blocking")
        else:
            to, source = isinstance(args[0], OnGpu), args[1]
            waits = not (args[2] if len(args) > 2 else kwargs.get("non_blocking"))
        if waits and to != isinstance(source, OnGpu):
            self._record.wait(Why.SEND if to else Why.FETCH)
