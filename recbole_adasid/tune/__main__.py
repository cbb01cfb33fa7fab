"""Entry point of ``python -m recbole_adasid.tune``."""

import sys

from recbole_adasid.tune.command import main

sys.exit(main())
