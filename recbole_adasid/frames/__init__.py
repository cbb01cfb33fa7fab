"""Tables in memory: pandas, Polars and Arrow tables go in, and tables of the same library come out."""

from recbole_adasid.frames.assigning import assign
from recbole_adasid.frames.mining import mine_pairs
from recbole_adasid.frames.recommending import recommend

__all__ = ["assign", "mine_pairs", "recommend"]
