"""Tables in memory in and out: pandas, Polars and Arrow tables go in, and the result is a table of the same library."""

from recbole_adasid.frames.assigning import assign
from recbole_adasid.frames.mining import mine_pairs
from recbole_adasid.frames.recommending import recommend

__all__ = ["assign", "mine_pairs", "recommend"]
