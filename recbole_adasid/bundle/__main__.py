"""Entry point of ``python -m recbole_adasid.bundle``."""

import sys

from recbole_adasid.bundle.command import main

sys.exit(main())
