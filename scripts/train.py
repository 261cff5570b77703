"""Run ``chromasonic train`` from a clone: ``python scripts/train.py --help``."""

import sys

from chromasonic.app.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
