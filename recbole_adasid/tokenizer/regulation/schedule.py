"""Progress-adaptive objective rebalancing (AdaSID §4.3.2, Eq. 11 and 12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from recbole_adasid.settings.errors import check_name
from recbole_adasid.settings.rules import Rule, name_of, real, switch
from recbole_adasid.tokenizer.regulation.base import ObjectiveWeights

UNITS = ("fraction", "steps")


class ProgressSchedule:
    """Lower the collision weight and raise the collaborative weight as training proceeds.

    τ = clip((t − T_start) / (T_end − T_start), 0, 1), λ_col = λ_0·(1 − (1 − λ_min)·τ) and λ_cf = λ_max·τ.

    Args:
        start: T_start, in steps, or as a fraction of all steps if ``unit`` is ``fraction``.
        end: T_end, in the same unit.
        collision_floor: λ_min, the share of the collision weight left at the end.
        collaborative_ceiling: λ_max, the collaborative weight at the end.
        unit: ``steps`` as in the paper, or ``fraction``, which suits any run length.
        collision_weight: λ_0, scale of λ_col (1 in the paper; 0 disables the collision term).
        enabled: False is the paper's "w/o PAR": both weights constant, λ_col = λ_0 and λ_cf = λ_max. The paper does not
        give the values; these are the ends at which each is strongest.

    Raises:
        ValueError: if T_end ≤ T_start, a fraction is outside [0, 1], a weight is negative or the unit is unknown.
    """

    SETTINGS: ClassVar[dict[str, Rule]] = {
        "progress_rebalancing": switch.as_argument("enabled"),
        "rebalancing_unit": name_of(UNITS).as_argument("unit"),
        "rebalancing_start": real(0).as_argument("start"),
        "rebalancing_end": real(0, above=True).as_argument("end"),
        "collision_weight": real(0),
        "collision_floor": real(0, 1),
    }

    def __init__(
        self,
        *,
        start: float,
        end: float,
        collision_floor: float,
        collaborative_ceiling: float,
        unit: str = "fraction",
        collision_weight: float = 1.0,
        enabled: bool = True,
    ) -> None:
        check_name("rebalancing_unit", unit, UNITS)
        if end <= start or start < 0:
            raise ValueError(f"rebalancing_end must exceed rebalancing_start >= 0, got {start} and {end}")
        if unit == "fraction" and end > 1:
            raise ValueError(f"rebalancing_end is a fraction of training and cannot exceed 1, got {end}")
        if not 0 <= collision_floor <= 1 or collaborative_ceiling < 0 or collision_weight < 0:
            raise ValueError(
                "collision_floor must lie in [0, 1], collaborative_weight and collision_weight must not be negative, "
                f"got {collision_floor}, {collaborative_ceiling} and {collision_weight}"
            )
        self.start, self.end, self.unit = start, end, unit
        self.collision_floor, self.collaborative_ceiling = collision_floor, collaborative_ceiling
        self.collision_weight, self.enabled = collision_weight, enabled

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> None:
        """Refuse a schedule in steps that training never reaches or leaves at once: both weights would stay constant.

        Raises:
            ValueError: naming the settings.
        """
        start, end, steps = (settings[key] for key in ("rebalancing_start", "rebalancing_end", "tokenizer_steps"))
        in_steps = settings["progress_rebalancing"] and settings["rebalancing_unit"] == "steps"
        if in_steps and (start >= steps - 1 or end <= 1):
            raise ValueError(
                f"rebalancing_start={start} and rebalancing_end={end} are in steps (rebalancing_unit=steps) and leave "
                f"nothing to rebalance within tokenizer_steps={steps}: choose steps within training, or give fractions "
                "of it with rebalancing_unit=fraction"
            )

    def progress(self, step: int, total_steps: int) -> float:
        """Return τ in [0, 1] at ``step`` (0-based) of ``total_steps`` (Eq. 11)."""
        scale = total_steps if self.unit == "fraction" else 1
        return min(1.0, max(0.0, (step - self.start * scale) / ((self.end - self.start) * scale)))

    def weights(self, step: int, total_steps: int) -> ObjectiveWeights:
        """Return λ_col and λ_cf at ``step`` (Eq. 12)."""
        if not self.enabled:
            return ObjectiveWeights(self.collision_weight, self.collaborative_ceiling)
        tau = self.progress(step, total_steps)
        collision = self.collision_weight * (1 - (1 - self.collision_floor) * tau)
        return ObjectiveWeights(collision, self.collaborative_ceiling * tau)
