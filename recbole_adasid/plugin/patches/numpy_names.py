"""RecBole 1.2.1, and ray.tune for it, use names such as `np.float_`, which numpy 2 removed."""

from __future__ import annotations

from types import ModuleType

# Their replacements.
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
    """Restore the numpy names that RecBole expects; existing names are left alone."""
    import numpy

    for name, stood_for in _NUMPY_NAMES.items():
        if name not in vars(numpy):
            setattr(numpy, name, getattr(numpy, stood_for))
