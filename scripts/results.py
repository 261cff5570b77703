"""Run ``chromasonic results`` from a clone: ``python scripts/results.py --help``."""

import sys

from chromasonic.app.cli import main

if __name__ == "__main__":
    main(["results", *sys.argv[1:]])
