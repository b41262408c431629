"""Autocast on the pretended device, by the lists that torch has for cards (aten/src/ATen/autocast_mode.h): torch leaves
them to whoever registers a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

_KEY = "AutocastPrivateUse1"
#: What is computed in the smaller type, in fp32, and in the widest type of what is given.
_LOWER = (
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d.input conv_transpose3d.input convolution prelu addmm addmv "
    "addr matmul einsum mm mv linear addbmm baddbmm bmm chain_matmul scaled_dot_product_attention"
)
_FULL = (
    "acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan pow.Tensor_Scalar "
    "pow.Tensor_Tensor pow.Scalar softplus layer_norm group_norm cosine_similarity nll_loss kl_div l1_loss "
    "smooth_l1_loss huber_loss mse_loss binary_cross_entropy_with_logits dist cdist logsumexp prod prod.dim_int "
    "softmax.int log_softmax.int cumprod cumsum sum sum.dim_IntList norm.Scalar norm.ScalarOpt_dim linalg_vector_norm"
)
_WIDEST = "addcdiv addcmul atan2 bilinear dot tensordot scatter_add index_put cat stack"

#: Keeps the kernels registered.
_libraries: list[torch.library.Library] = []


def register() -> None:
    """Register all of them, once a process."""
    everything, library = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    _libraries.extend((everything, library))
    everything.fallback(torch.library.fallthrough_kernel, _KEY)
    for names, wanted in ((_LOWER, _autocast_dtype), (_FULL, lambda _: torch.float32), (_WIDEST, _widest)):
        for name in names.split():
            packet, _, overload = name.partition(".")
            library.impl(name, _kernel(getattr(getattr(torch.ops.aten, packet), overload or "default"), wanted), _KEY)


def _autocast_dtype(_: list[torch.Tensor]) -> torch.dtype:
    return torch.get_autocast_dtype("gpu")


def _widest(tensors: list[torch.Tensor]) -> torch.dtype:
    full = any(one.dtype == torch.float32 for one in tensors if _casts(one))
    return torch.float32 if full else torch.get_autocast_dtype("gpu")


def _casts(one: object) -> bool:
    return (
        isinstance(one, torch.Tensor)
        and one.device.type == "gpu"
        and one.is_floating_point()
        and one.dtype != torch.double
    )


def _kernel(op: Any, wanted: Callable[[list[torch.Tensor]], torch.dtype]) -> Callable[..., Any]:
    def kernel(*args: Any, **kwargs: Any) -> Any:
        below = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)
        with torch._C._ExcludeDispatchKeyGuard(below):
            tensors = [one for one in tree_leaves((args, kwargs)) if _casts(one)]
            dtype = wanted(tensors) if tensors else None
            args, kwargs = tree_map(lambda one: one.to(dtype) if _casts(one) else one, (args, kwargs))
            return op(*args, **kwargs)

    return kernel
