"""Residual quantizers: how an encoder output becomes codewords and how gradients pass through them."""

from recbole_adasid.tokenizer.quantizer.base import LevelQuantizer
from recbole_adasid.tokenizer.quantizer.cosine import CosineQuantizer
from recbole_adasid.tokenizer.quantizer.grouped import GroupedQuantizer
from recbole_adasid.tokenizer.quantizer.residual import Quantization, ResidualQuantizer
from recbole_adasid.tokenizer.quantizer.rotation import RotationQuantizer
from recbole_adasid.tokenizer.quantizer.simvq import SimVQQuantizer
from recbole_adasid.tokenizer.quantizer.straight_through import StraightThroughQuantizer

QUANTIZERS: dict[str, type[LevelQuantizer]] = {
    "straight_through": StraightThroughQuantizer,
    "rotation": RotationQuantizer,
    "simvq": SimVQQuantizer,
    "cosine": CosineQuantizer,
    "grouped": GroupedQuantizer,
}
"""Every quantizer by its name in the setting ``quantizer``."""

__all__ = [
    "QUANTIZERS",
    "CosineQuantizer",
    "GroupedQuantizer",
    "LevelQuantizer",
    "Quantization",
    "ResidualQuantizer",
    "RotationQuantizer",
    "SimVQQuantizer",
    "StraightThroughQuantizer",
]
