"""LightGCN and others of RecBole 1.2.1 fill a sparse matrix with `dok_matrix._update`, which scipy 1.14 removed."""

from __future__ import annotations

from types import ModuleType


def restore_dok_update(_models: ModuleType) -> None:
    """Restore the method of scipy's `dok_matrix`."""
    from scipy.sparse import dok_matrix

    if not hasattr(dok_matrix, "_update"):
        dok_matrix._update = lambda matrix, entries: matrix._dict.update(entries)
