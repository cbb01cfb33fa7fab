"""Residual quantizers: how an encoder output becomes codewords and how gradients pass through them."""

from recbole_adasid.tokenizer.quantizer.base import LevelQuantizer
from recbole_adasid.tokenizer.quantizer.residual import Quantization, ResidualQuantizer
from recbole_adasid.tokenizer.quantizer.straight_through import StraightThroughQuantizer

QUANTIZERS: dict[str, type[LevelQuantizer]] = {"straight_through": StraightThroughQuantizer}
"""Every quantizer by the name that the key ``quantizer`` takes."""

__all__ = ["QUANTIZERS", "LevelQuantizer", "Quantization", "ResidualQuantizer", "StraightThroughQuantizer"]
