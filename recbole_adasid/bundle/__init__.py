"""SID bundles: the Semantic IDs of a run as one folder to carry away, and exchange with other packages."""

from recbole_adasid.bundle.bundle import SIDBundle

__all__ = ["SIDBundle"]
