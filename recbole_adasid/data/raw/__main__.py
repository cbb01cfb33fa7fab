"""`python -m recbole_adasid.data.raw`, the former name of `recbole-adasid convert`."""

import sys
from importlib import import_module

# By name: a room does not import the commands, which use it.
sys.exit(import_module("recbole_adasid.cli.deprecated").deprecated_main("recbole_adasid.data.raw"))
