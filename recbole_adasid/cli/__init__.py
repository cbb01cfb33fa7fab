"""The command `recbole-adasid`: a dispatcher, and one file per subcommand.

A subcommand's file holds its options and their checks, and imports the implementation only when run: --help works
without importing torch, RecBole and pandas.
"""

from recbole_adasid.cli.main import main

__all__ = ["main"]
