"""Make the file of the model that the package contains from a run of its recipe, and print its scores.

    chromasonic train experiment=pretrained output_dir=outputs/recipe
    python tools/ship_pretrained.py outputs/recipe   # writes the file, and prints the table of docs/pretrained.md
    python tools/ship_pretrained.py                  # prints the table for the file that there is

The tunes of the split are read from music21, as the recipe did.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from chromasonic.app.pretrained_run import pretrained_split
from chromasonic.melody_generation.evaluation.likelihood import read_tunes
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.shipped.half_precision import write_half_precision
from chromasonic.melody_generation.runs.shipped.pretrained import PRETRAINED, shipped_checkpoint
from chromasonic.melody_generation.runs.trained_model import TrainedModel, load_model

LICENCE = (
    "MIT, as all of Chromasonic. The tunes that the model learned from were printed between 1782 and 1903 and are in "
    "the public domain; 'sources' names the transcriptions that were read, none of which is in this file."
)
MAX_BYTES = 3_000_000


def bits_per_note(model: TrainedModel, tunes: Sequence[Melody]) -> float:
    """Return the bits per note of a model on tunes."""
    readings = read_tunes(model, tunes)
    return float(sum(reading.bits.sum() for reading in readings) / sum(reading.is_note.sum() for reading in readings))


def main(arguments: Sequence[str]) -> None:
    """Write the file if a run is named, and print its size and its scores."""
    models = {"the shipped file, in half precision": PRETRAINED}
    path = shipped_checkpoint()
    if arguments:
        size = write_half_precision(arguments[0], path, LICENCE)
        if size > MAX_BYTES:
            sys.exit(f"{path} has {size} bytes, more than {MAX_BYTES}: take a smaller network")
        models = {"the run, in full precision": arguments[0], **models}
    tunes = pretrained_split().tunes
    print(f"{path.name}: {path.stat().st_size} bytes\n")
    print("| bits per note | validation | test |\n|---|---|---|")
    for name, model in models.items():
        scores = [bits_per_note(load_model(model), tunes[side]) for side in ("validation", "test")]
        print(f"| {name} | {scores[0]:.4f} | {scores[1]:.4f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
