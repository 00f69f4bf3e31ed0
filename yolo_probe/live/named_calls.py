"""Tensors for which a method called by name, ``a.add(b)``, differs from the operator, ``a + b``.

Torch dispatches both as the same function; some counters see only the first, because they replace the method. So the
tensors of a pass for such a counter are of this class, whose methods are functions of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import handle_torch_function, has_torch_function_unary


class Named(torch.Tensor):  # type: ignore[misc]  # torch is not read by mypy
    """A tensor whose methods are distinct functions."""

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        return super().__torch_function__(_TORCHS_OWN.get(func, func), types, args, kwargs or {})

    def add(self, *args: Any, **kwargs: Any) -> Any:
        """``Tensor.add``, called by its name."""
        return _dispatched(Named.add, self, *args, **kwargs)

    def mul(self, *args: Any, **kwargs: Any) -> Any:
        """``Tensor.mul``, called by its name."""
        return _dispatched(Named.mul, self, *args, **kwargs)

    def matmul(self, *args: Any, **kwargs: Any) -> Any:
        """``Tensor.matmul``, called by its name."""
        return _dispatched(Named.matmul, self, *args, **kwargs)


def _dispatched(method: Callable[..., Any], tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """A call of a method as a function of its own; inside torch's own functions, which dispatch nothing, torch's."""
    if has_torch_function_unary(tensor):
        return handle_torch_function(method, (tensor,), tensor, *args, **kwargs)
    return _TORCHS_OWN[method](tensor, *args, **kwargs)


_TORCHS_OWN: Mapping[Any, Callable[..., Any]] = {
    Named.add: torch.Tensor.add,
    Named.mul: torch.Tensor.mul,
    Named.matmul: torch.Tensor.matmul,
}
