"""Run ``chromasonic judge`` from a clone: ``python scripts/judge.py --help``."""

import sys

from chromasonic.app.cli import main

if __name__ == "__main__":
    main(["judge", *sys.argv[1:]])
