"""RecBole 1.2.1, and ray.tune for it, use names such as `np.float_`, which numpy 2 took away."""

from __future__ import annotations

from types import ModuleType

# What they stood for.
_NUMPY_NAMES = {
    "bool": "bool_",
    "bool8": "bool_",
    "int": "int_",
    "float": "float64",
    "float_": "float64",
    "complex": "complex128",
    "complex_": "complex128",
    "object": "object_",
    "str": "str_",
    "unicode": "str_",
    "unicode_": "str_",
    "long": "int_",
}


def restore_numpy_names(_recbole: ModuleType) -> None:
    """Give numpy the names back that RecBole expects; names that numpy has are left alone."""
    import numpy

    for name, stood_for in _NUMPY_NAMES.items():
        if name not in vars(numpy):
            setattr(numpy, name, getattr(numpy, stood_for))
