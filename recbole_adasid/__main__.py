"""`python -m recbole_adasid`, the same as `recbole-adasid`."""

from recbole_adasid.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
