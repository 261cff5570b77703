"""The model of the package: its file is small, says where it is from, and predicts as it is written."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.evaluation.likelihood import read_tunes
from chromasonic.melody_generation.generation.generate import generate
from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import Melody
from chromasonic.melody_generation.runs.checkpoint import read_checkpoint
from chromasonic.melody_generation.runs.shipped.half_precision import write_half_precision
from chromasonic.melody_generation.runs.shipped.pretrained import PRETRAINED_DIRECTORY, shipped_checkpoint
from chromasonic.melody_generation.runs.trained_model import load_model

# Bits per note of the shipped model on test tunes of Ryan's collection.
WRITTEN_BITS = {"ApolloClubHornpipe": 0.753, "BottleOfBrandyJig": 1.514, "LandLeagueJig": 1.400}


def tune_of_ryan(name: str) -> Melody:
    spec = find_spec("music21")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0], "corpus", "ryansMammoth", f"{name}.abc")
    [tune] = read_abc(decode_abc(path.read_bytes()), file_name=path.name, corpus="ryans")
    assert isinstance(tune, WrittenTune)
    return tune.melody


def test_the_shipped_file_is_small_and_says_what_it_is() -> None:
    assert shipped_checkpoint().stat().st_size <= 3_000_000
    checkpoint = read_checkpoint("pretrained")
    floating = [weight for weight in checkpoint.weights.values() if weight.is_floating_point()]
    assert floating
    assert {weight.dtype for weight in floating} == {torch.float16}
    metadata = checkpoint.metadata
    assert "MIT" in metadata.licence
    assert "public domain" in metadata.licence
    assert [source.title for source in metadata.lineage.sources] == [
        "O'Neill's Music of Ireland (1903)",
        "Aird's Airs (1782 to 1801)",
        "Ryan's Mammoth Collection (1883)",
    ]
    assert all(source.licence and source.address for source in metadata.lineage.sources)
    commit = metadata.provenance["git"]
    assert commit is not None
    assert commit["clean"], "trained with code that is not committed"


def test_the_shipped_model_predicts_and_plays_as_it_is_written() -> None:
    model = load_model("pretrained")
    readings = read_tunes(model, [tune_of_ryan(name) for name in WRITTEN_BITS])
    found = {name: reading.bits_per_note for name, reading in zip(WRITTEN_BITS, readings, strict=True)}
    assert found == pytest.approx(WRITTEN_BITS, abs=2e-3)
    assert model.directory == PRETRAINED_DIRECTORY
    [melody] = generate(model, bars=2, metre="6/8", drafts=1)
    assert melody.n_bars == 2


def test_a_path_of_the_name_is_no_shipped_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for own in (Path("pretrained"), "./pretrained"):
        with pytest.raises(InputError, match="no run directory"):
            load_model(own)


def test_weights_that_half_precision_cannot_hold_are_refused(tmp_path: Path) -> None:
    values = torch.load(shipped_checkpoint(), weights_only=True)
    name = next(iter(values["model_state_dict"]))
    values["model_state_dict"][name] = values["model_state_dict"][name].float() + 1e6
    torch.save(values, tmp_path / "large.pt")
    with pytest.raises(InputError, match=name):
        write_half_precision(tmp_path / "large.pt", tmp_path / "small.pt", "")
    assert not (tmp_path / "small.pt").exists()


def test_a_file_made_of_the_shipped_one_holds_the_same(tmp_path: Path) -> None:
    shipped = read_checkpoint("pretrained")
    write_half_precision(shipped_checkpoint(), tmp_path / "again.pt", shipped.metadata.licence)
    again = read_checkpoint(tmp_path / "again.pt")
    assert again.metadata.to_checkpoint() == shipped.metadata.to_checkpoint()
    assert again.weights.keys() == shipped.weights.keys()
    assert all(torch.equal(weight, shipped.weights[name]) for name, weight in again.weights.items())
