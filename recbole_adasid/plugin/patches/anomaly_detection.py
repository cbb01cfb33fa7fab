"""SINE of RecBole 1.2.1 switches torch's anomaly detection on when it is imported, for every model."""

from __future__ import annotations

from types import ModuleType


def end_anomaly_detection(_sine: ModuleType) -> None:
    """Switch torch's anomaly detection off again.

    RecBole's SINE switches it on when imported, and looking up a model by name imports SINE: every model would then
    record a traceback for each operation.
    """
    import torch

    torch.autograd.set_detect_anomaly(False)
