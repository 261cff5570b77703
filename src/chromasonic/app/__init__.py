"""Application logic of each command: what ``chromasonic train`` and its like do."""
