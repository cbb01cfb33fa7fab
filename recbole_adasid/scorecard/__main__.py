"""Entry point of ``python -m recbole_adasid.scorecard``."""

import sys

from recbole_adasid.scorecard.command import main

sys.exit(main())
