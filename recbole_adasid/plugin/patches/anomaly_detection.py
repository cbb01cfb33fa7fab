"""SINE of RecBole 1.2.1 switches torch's anomaly detection on when it is imported, for every model.

Looking up a model by name imports SINE, so all models would record a traceback for each operation.
"""

from __future__ import annotations

from types import ModuleType


def end_anomaly_detection(_sine: ModuleType) -> None:
    """Switch torch's anomaly detection off again."""
    import torch

    torch.autograd.set_detect_anomaly(False)
