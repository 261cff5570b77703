"""Run ``chromasonic generate`` from a clone: ``python scripts/generate.py --help``."""

import sys

from chromasonic.app.cli import main

if __name__ == "__main__":
    main(["generate", *sys.argv[1:]])
