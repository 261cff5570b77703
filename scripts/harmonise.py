"""Run ``chromasonic harmonise`` from a clone: ``python scripts/harmonise.py --help``."""

import sys

from chromasonic.app.cli import main

if __name__ == "__main__":
    main(["harmonise", *sys.argv[1:]])
