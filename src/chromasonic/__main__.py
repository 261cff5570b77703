"""``python -m chromasonic`` is the console command ``chromasonic``."""

from chromasonic.app.cli import main

if __name__ == "__main__":
    main()
