"""`python -m recbole_adasid.assign`, the former name of `recbole-adasid assign`."""

import sys

from recbole_adasid.cli.deprecated import deprecated_main

if __name__ == "__main__":
    sys.exit(deprecated_main("recbole_adasid.assign"))
