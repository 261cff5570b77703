"""Run directories: layout, checkpoints, trained models, provenance."""
