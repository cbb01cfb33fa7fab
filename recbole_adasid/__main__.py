"""Run the main job: `python -m recbole_adasid --help` tells how."""

from recbole_adasid.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
