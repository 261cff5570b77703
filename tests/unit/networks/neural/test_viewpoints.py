import torch
from hypothesis import given
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies

from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.networks.neural.interval_scale import NONE
from chromasonic.melody_generation.networks.neural.viewpoints import Viewpoints, ViewpointTokens
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH


def seen(melody: Melody) -> ViewpointTokens:
    """The views of the notes alone, of a melody without departures."""
    tokens = batch_of([melody])
    leads, last = [], NONE
    for token in tokens[0].tolist():
        leads.append(last)
        pitch = int(VOCABULARY.token_pitch[token])
        last = pitch if 0 <= pitch < VOCABULARY.rest_class else last
    views = Viewpoints(VOCABULARY)(tokens, torch.tensor([leads]))
    music = slice(PREFIX_LENGTH, PREFIX_LENGTH + len(melody))
    return ViewpointTokens(*(each[0, music] for each in views))


def test_a_tune_a_fifth_higher_differs_in_its_pitches_alone() -> None:
    one, other = (seen(Melody([60 + up, 64 + up, REST, 67 + up], [24, 12, 12, 48])) for up in (0, 7))
    assert not torch.equal(one.pitch, other.pitch)
    for name in ("duration", "rhythm", "interval", "step"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_a_sequence_through_the_scale_has_the_same_steps_and_other_intervals() -> None:
    one, other = seen(Melody([60, 62, 64], [24] * 3)), seen(Melody([64, 65, 67], [24] * 3))
    assert torch.equal(one.step, other.step)
    assert not torch.equal(one.interval, other.interval)


def test_a_rest_is_another_rhythm_than_a_note_and_at_no_interval() -> None:
    note, rest = (seen(Melody([60, pitch, 62], [24] * 3)) for pitch in (60, REST))
    assert note.rhythm[1] != rest.rhythm[1]
    assert note.duration[1] == rest.duration[1]
    assert rest.interval[1] == rest.step[1] == NONE
    assert rest.interval[2] == note.interval[2]  # counted past the rest


@given(melodies(min_notes=1))
def test_control_tokens_are_rhythms_of_their_own_and_nothing_else(melody: Melody) -> None:
    tokens = batch_of([melody])
    views = Viewpoints(VOCABULARY)(tokens, torch.zeros_like(tokens))
    is_control = tokens < VOCABULARY.first_note
    for name in ("pitch", "duration", "interval", "step"):
        assert (getattr(views, name)[is_control] == NONE).all()
    assert len(set(views.rhythm[is_control].tolist())) == len(set(tokens[is_control].tolist()))
    assert not set(views.rhythm[is_control].tolist()) & set(views.rhythm[~is_control].tolist())
