"""Entry point of ``python -m recbole_adasid.data.raw``."""

import sys

from recbole_adasid.data.raw.command import main

sys.exit(main())
