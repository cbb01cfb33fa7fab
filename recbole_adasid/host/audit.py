"""`python -m recbole_adasid.host.audit`, the former name of `recbole-adasid audit`."""

import sys

from recbole_adasid.cli.deprecated import deprecated_main

if __name__ == "__main__":
    sys.exit(deprecated_main("recbole_adasid.host.audit"))
