"""The model that comes with the package: its name, and the making of its file."""
