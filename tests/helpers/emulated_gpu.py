"""A second device for machines without a GPU: tensors that say they are elsewhere, with their values in main memory.

What a GPU refuses fails here too: operands on two devices, arrays and lists of a tensor that was not brought back. What
it computes is the CPU's, so results are those of the CPU. Once made, the device stays: use it in a process of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map

NAME = "emulated"


class OnDevice(Tensor):
    """A tensor on the device; `inner` holds its values."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnDevice:
        made = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=torch.device(NAME, 0),
        )
        made.inner = inner
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(operation, *args, **(kwargs or {}))

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise TypeError(f"can't convert {NAME}:0 device type tensor to numpy. Use Tensor.cpu() first.")
        return self.detach().cpu().numpy()

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, **given: Any) -> Tensor:
        return torch.tensor(data, dtype=dtype or self.dtype, device=self.device if device is None else device, **given)

    def __getitem__(self, rows: Any) -> Any:
        return super().__getitem__(torch.tensor(rows) if isinstance(rows, list) else rows)

    def __array__(self, dtype: Any = None) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        return self.detach().cpu().tolist()

    def __repr__(self, **_: Any) -> str:
        return f"{self.inner!r} on {NAME}:0"


_COPIES = {"copy_", "_to_copy", "set_", "_copy_from", "_copy_from_and_resize"}
"""What takes tensors of two devices."""


def _run(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """Run an operation on the values; what it makes is on the device, unless it is a copy to the CPU."""
    name = operation.overloadpacket.__name__
    if name not in _COPIES:
        _refuse_two_devices(name, args, kwargs)
    to = kwargs.get("device")
    if to is not None:
        kwargs = {**kwargs, "device": "cpu", **({"pin_memory": False} if "pin_memory" in kwargs else {})}
    made = operation(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    if to is not None and torch.device(to).type == "cpu":
        return made.clone() if name == "_to_copy" else made
    if operation._schema.is_mutable:
        return _as_given(operation, args, kwargs, made)
    return tree_map(_outer, made)


def _as_given(operation: Any, args: Any, kwargs: Any, made: Any) -> Any:
    """Return the tensors themselves that an operation has changed, as operations in place do."""
    given = {id(_inner(each)): each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)}
    changed = tree_map(lambda each: given.get(id(each), _outer(each)) if isinstance(each, Tensor) else each, made)
    for each in tree_flatten(changed)[0]:
        assert not isinstance(each, OnDevice) or each.size() == each.inner.size(), f"{operation} changes a size"
    return changed


def _refuse_two_devices(name: str, args: Any, kwargs: Any) -> None:
    """CPU tensors may stand beside those of a device as single values, and as indices."""
    if name in ("index", "index_put", "index_put_", "_index_put_impl_"):
        return
    elsewhere = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
    there = any(isinstance(each, OnDevice) for each in elsewhere)
    if there and any(not isinstance(each, OnDevice) and each.dim() for each in elsewhere):
        raise RuntimeError(f"{name}: expected all tensors to be on the same device, found {NAME}:0 and cpu")


def _inner(value: Any) -> Any:
    return value.inner if isinstance(value, OnDevice) else value


def _outer(value: Any) -> Any:
    return OnDevice(value) if isinstance(value, Tensor) and not isinstance(value, OnDevice) else value


class _Module:
    """What torch asks the module of a device for."""

    is_available = is_initialized = staticmethod(lambda: True)
    current_device = staticmethod(lambda: 0)
    device_count = staticmethod(lambda: 1)
    _is_in_bad_fork = staticmethod(lambda: False)
    manual_seed_all = staticmethod(lambda seed: None)
    get_amp_supported_dtype = staticmethod(lambda: [torch.bfloat16])


@functools.cache
def make_device() -> torch.device:
    """Make the device known to this process's torch."""
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    library = torch.library.Library("_", "IMPL")
    library.fallback(lambda operation, *args, **kwargs: _run(operation, *args, **kwargs), "PrivateUse1")
    make_device.library = library  # type: ignore[attr-defined]  # for as long as the process lives
    for name in ("tensor", "as_tensor", "arange", "randperm"):
        setattr(torch, name, _made_in_memory(getattr(torch, name)))
    return torch.device(NAME, 0)


def _made_in_memory(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Make the values, then copy them: these reach no kernels in Python, or change the size of what they are given."""

    @functools.wraps(make)
    def made(*args: Any, device: Any = None, **given: Any) -> Tensor:
        if isinstance(args[0], OnDevice):
            return args[0].to(device=device, dtype=given.get("dtype"))
        values = make(*args, **given)
        return values if device is None else values.to(device)

    return made
