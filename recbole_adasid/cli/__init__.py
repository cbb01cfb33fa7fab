"""The command `recbole-adasid`: a dispatcher, and one file for each of its subcommands.

A file of a subcommand holds its options and their checks, and imports what does the work when there is work to do: help
is printed without torch, RecBole and pandas.
"""

from recbole_adasid.cli.main import main

__all__ = ["main"]
