"""Run the main job from a checkout: `python run_recbole_adasid.py --help` tells how."""

from recbole_adasid.cli.train import main

if __name__ == "__main__":
    raise SystemExit(main())
