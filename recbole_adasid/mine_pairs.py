"""`python -m recbole_adasid.mine_pairs`, the former name of `recbole-adasid pairs`."""

import sys

from recbole_adasid.cli.deprecated import deprecated_main

if __name__ == "__main__":
    sys.exit(deprecated_main("recbole_adasid.mine_pairs"))
