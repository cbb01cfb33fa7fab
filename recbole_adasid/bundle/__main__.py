"""``python -m recbole_adasid.bundle``, the command's name before `recbole-adasid`."""

import sys

from recbole_adasid.cli.deprecated import deprecated_main

sys.exit(deprecated_main("recbole_adasid.bundle"))
