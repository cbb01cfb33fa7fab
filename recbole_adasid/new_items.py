"""`python -m recbole_adasid.new_items`, the former name of `recbole-adasid items`."""

import sys

from recbole_adasid.cli.deprecated import deprecated_main

if __name__ == "__main__":
    sys.exit(deprecated_main("recbole_adasid.new_items"))
