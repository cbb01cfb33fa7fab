"""`python -m recbole_adasid.mine_pairs`, as `recbole-adasid pairs` was called before."""

import sys

from recbole_adasid.cli.deprecated import deprecated_main

if __name__ == "__main__":
    sys.exit(deprecated_main("recbole_adasid.mine_pairs"))
