"""The page of melodies that a model has generated: each to hear and to see, with its scores and what it copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

from chromasonic.melody_generation.generation.generation_config import GenerationConfig
from chromasonic.melody_generation.notation.instruments import DEFAULT_INSTRUMENT
from chromasonic.melody_generation.pages.generated_set import MOST_ON_PAGE, GeneratedSet
from chromasonic.melody_generation.pages.melody_tracks import count_noun, melody_tracks
from chromasonic.melody_generation.pages.page import Page, TrackGroup, page_html
from chromasonic.melody_generation.runs.trained_model import TrainedModel

_NOT_LISTED = {"count", "max_notes", "corpus"}
_LISTED_IF_CHANGED = {"top_k", "top_p", "min_p", "drafts", "without_primer", "outline", "n_best"}
# Names of the models in the title.
_MODEL_WORDS = {
    "lstm": "an LSTM",
    "transformer": "a Transformer",
    "markov": "a Markov model",
    "ppm": "a PPM model",
    "countmix": "a context mixture",
}


def settings_facts(config: GenerationConfig, primer: str | None = None) -> dict[str, str]:
    """Return the options of generation as a page lists them, without those that change nothing.

    Args:
        config: The options.
        primer: The file of the primer, if there is one.

    Example:
        >>> settings_facts(GenerationConfig(key="G", temperature=0.9, seed=7))
        {'Key': 'G', 'Temperature': '0.9', 'Seed': '7'}
    """
    facts: dict[str, str] = {}
    for option in fields(config):
        value = getattr(config, option.name)
        is_neutral = option.name in _LISTED_IF_CHANGED and value == option.default
        if value is not None and not is_neutral and option.name not in _NOT_LISTED:
            facts[option.name.replace("_", " ").capitalize()] = f"{value:g}" if isinstance(value, float) else str(value)
    return ({"Primer": primer} if primer else {}) | facts


def listening_page(
    generated: GeneratedSet,
    model: TrainedModel,
    settings: Mapping[str, str],
    command: str,
    tempo: float | None = None,
    contents: Sequence[Mapping[str, bytes]] = (),
    instrument: str = DEFAULT_INSTRUMENT,
) -> str:
    """Return the page of melodies that a model has generated, as an HTML document.

    Args:
        generated: The melodies.
        model: The model.
        settings: The options of generation, by the names that the page lists.
        command: The command that generates the melodies again.
        tempo: Quarter notes per minute; None for the usual tempo of the metre.
        contents: Files of each melody that exist already, by format; the others are rendered.
        instrument: One of ``INSTRUMENTS``, which plays first.
    """
    n = len(generated.melodies)
    shown = min(n, MOST_ON_PAGE)
    titles = [melody.title or f"Melody {number}" for number, melody in enumerate(generated.melodies[:shown], 1)]
    rest = f"The first {shown} of {n}: the others are files in the same folder." if shown < n else ""
    note = " ".join(filter(None, (generated.drawn.remark if generated.drawn else "", rest)))
    metadata = model.metadata
    n_tunes = count_noun(len(model.tunes["train"]), "tune") if "train" in model.tunes else "tunes"
    facts = {
        "Model": model.name,
        "Dataset": metadata.dataset or None,
        "Trained with seed": metadata.seed,
        **settings,
        "Checkpoint": model.digest,
    }
    stems = generated.stems[:shown]
    tracks = melody_tracks(generated.scored, range(shown), titles, stems, tempo, contents[:shown], instrument)
    page = Page(
        title=f"{count_noun(n, 'melody', 'melodies')} by {_MODEL_WORDS.get(model.name, model.name)}",
        lead=f"Generated note by note by a model that learned from {n_tunes}"
        f"{f' of {metadata.dataset}' if metadata.dataset else ''}.",
        facts=tuple((name, str(value)) for name, value in facts.items() if value is not None),
        command=command,
        groups=(TrackGroup("", note, tracks),),
        instrument=instrument,
    )
    return page_html(page)
