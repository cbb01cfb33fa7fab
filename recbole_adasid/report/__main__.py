"""Entry point of ``python -m recbole_adasid.report``."""

import sys

from recbole_adasid.report.command import main

sys.exit(main())
