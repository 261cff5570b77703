"""Run ``chromasonic compare`` from a clone: ``python scripts/compare.py --help``."""

import sys

from chromasonic.app.cli import main

if __name__ == "__main__":
    main(["compare", *sys.argv[1:]])
