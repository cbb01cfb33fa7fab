"""`python -m recbole_adasid.assign`, as `recbole-adasid assign` was called before."""

import sys

from recbole_adasid.cli.deprecated import deprecated_main

if __name__ == "__main__":
    sys.exit(deprecated_main("recbole_adasid.assign"))
