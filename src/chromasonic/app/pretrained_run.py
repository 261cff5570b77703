"""Unpack the model of the package as a run, for the commands that need its tunes and write beside them.

The package does not contain the tunes. They are read from music21 again, split as they were for the training.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chromasonic.melody_generation.runs.shipped.pretrained import (
    PRETRAINED_DIRECTORY,
    is_pretrained,
    shipped_checkpoint,
)

if TYPE_CHECKING:
    from chromasonic.melody_generation.atomic_files import JsonObject
    from chromasonic.melody_generation.melody import Melody


@dataclass(frozen=True)
class PretrainedSplit:
    """The tunes that the shipped model learned from, and those that were held out.

    Attributes:
        tunes: The tunes by side, ``train``, ``validation`` and ``test``.
        manifest: The content of ``split.json``.
    """

    tunes: dict[str, list[Melody]]
    manifest: JsonObject


def run_directory(run: str | Path) -> Path:
    """Return the directory of a run; for ``pretrained``, the shipped model is unpacked there first.

    Raises:
        InputError: If the directory of the unpacked run holds another one, or the installed tunes are not those that
            it was trained on.
    """
    if is_pretrained(run):
        _unpack(PRETRAINED_DIRECTORY)
        return PRETRAINED_DIRECTORY
    return Path(run)


def pretrained_split() -> PretrainedSplit:
    """Read the tunes of the shipped model, and split them as its training did.

    Raises:
        InputError: If the installed tunes are not those that it was trained on.
    """
    from hydra.utils import instantiate

    from chromasonic.melody_generation.corpora.corpus import without_copies
    from chromasonic.melody_generation.data.splits import SIDES, split_by_family
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.runs.checkpoint import read_checkpoint

    metadata = read_checkpoint(shipped_checkpoint()).metadata
    recipe = metadata.configuration["dataset"]
    reading = without_copies(instantiate(recipe["corpus"], _convert_="all").read())
    melodies = [melody for melody in reading.melodies if len(melody) >= recipe["min_melody_length"]]
    share = recipe["held_out"]
    split = split_by_family(melodies, seed=recipe["split_seed"], validation=share, test=share)
    if split.hash(melodies) != metadata.split_hash:
        raise InputError(
            "the tunes in the installed music21 are not those that the pretrained model learned from: install the "
            "version in constraints.txt, or train it again with experiment=pretrained"
        )
    tunes = {side: [melodies[index] for index in getattr(split, side)] for side in SIDES}
    return PretrainedSplit(tunes, {"corpus": asdict(reading.report), **split.manifest(melodies)})


def _unpack(directory: Path) -> None:
    """Write the run directory of the shipped model, unless it is there."""
    from chromasonic.melody_generation.atomic_files import atomic_file, replaced_together, write_json
    from chromasonic.melody_generation.errors import InputError
    from chromasonic.melody_generation.reporting.terminal import print_remark
    from chromasonic.melody_generation.runs.checkpoint import checkpoint_digest
    from chromasonic.melody_generation.runs.directory_lock import lock_directory
    from chromasonic.melody_generation.runs.layout import CheckpointLayout, RunLayout
    from chromasonic.melody_generation.runs.split_tunes import save_split_tunes

    layout, shipped = RunLayout(directory), shipped_checkpoint()
    if layout.is_run:
        if checkpoint_digest(CheckpointLayout.find(directory).best) != checkpoint_digest(shipped):
            raise InputError(
                f"{directory} holds another model than the pretrained one of this version: rename that folder, or give "
                f"its path if you mean it"
            )
        return
    print_remark(f"the pretrained model is unpacked into {directory}, and its tunes are read")
    split = pretrained_split()
    checkpoints = layout.checkpoints_of("lstm")
    with lock_directory(directory, "unpacking the pretrained model"), replaced_together():
        write_json(layout.split, split.manifest)
        save_split_tunes(layout.tunes, split.tunes)
        checkpoints.directory.mkdir(exist_ok=True)
        for path in (checkpoints.best, checkpoints.final):
            with atomic_file(path) as unfinished:
                unfinished.write_bytes(shipped.read_bytes())
