"""Run ``chromasonic evaluate`` from a clone: ``python scripts/evaluate.py --help``."""

import sys

from chromasonic.app.cli import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
