"""Application logic of the commands ``chromasonic train``, ``evaluate``, ``compare``, ``generate`` and ``results``."""
