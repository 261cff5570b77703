"""Run ``chromasonic listen`` from a clone: ``python scripts/listen.py --help``."""

import sys

from chromasonic.app.cli import main

if __name__ == "__main__":
    main(["listen", *sys.argv[1:]])
