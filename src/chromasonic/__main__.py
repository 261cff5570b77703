"""``python -m chromasonic`` is the console command ``chromasonic``."""

from chromasonic.app.cli import main

# Lightning repeats a ``python -m`` command without its first word; without a spec it runs ``sys.argv[0]`` instead.
__spec__ = None

if __name__ == "__main__":
    main()
