import torch
from hypothesis import given
from tests.small_networks import VOCABULARY, batch_of
from tests.strategies import melodies

from chromasonic.melody_generation.melody import REST, Melody
from chromasonic.melody_generation.networks.neural.intervals import NONE
from chromasonic.melody_generation.networks.neural.viewpoints import ViewpointClasses, Viewpoints
from chromasonic.melody_generation.vocabulary import PREFIX_LENGTH


def viewpoints_of(melody: Melody) -> ViewpointClasses:
    """Return the viewpoints of the notes of a melody without departures."""
    tokens = batch_of([melody])
    previous_pitches, last = [], NONE
    for token in tokens[0].tolist():
        previous_pitches.append(last)
        pitch = int(VOCABULARY.token_pitch[token])
        last = pitch if 0 <= pitch < VOCABULARY.rest_class else last
    viewpoints = Viewpoints(VOCABULARY)(tokens, torch.tensor([previous_pitches]))
    music = slice(PREFIX_LENGTH, PREFIX_LENGTH + len(melody))
    return ViewpointClasses(*(classes[0, music] for classes in viewpoints))


def test_a_transposed_tune_differs_in_pitch_only() -> None:
    one, other = (viewpoints_of(Melody([60 + up, 64 + up, REST, 67 + up], [24, 12, 12, 48])) for up in (0, 7))
    assert not torch.equal(one.pitch, other.pitch)
    for name in ("duration", "rhythm", "interval", "step"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_a_diatonic_sequence_has_the_same_steps_but_other_intervals() -> None:
    one, other = viewpoints_of(Melody([60, 62, 64], [24] * 3)), viewpoints_of(Melody([64, 65, 67], [24] * 3))
    assert torch.equal(one.step, other.step)
    assert not torch.equal(one.interval, other.interval)


def test_a_rest_has_a_rhythm_of_its_own_and_no_interval() -> None:
    note, rest = (viewpoints_of(Melody([60, pitch, 62], [24] * 3)) for pitch in (60, REST))
    assert note.rhythm[1] != rest.rhythm[1]
    assert note.duration[1] == rest.duration[1]
    assert rest.interval[1] == rest.step[1] == NONE
    assert rest.interval[2] == note.interval[2]  # rests are skipped


@given(melodies(min_notes=1))
def test_control_tokens_have_a_rhythm_of_their_own_and_no_other_class(melody: Melody) -> None:
    tokens = batch_of([melody])
    viewpoints = Viewpoints(VOCABULARY)(tokens, torch.zeros_like(tokens))
    is_control = tokens < VOCABULARY.first_note
    for name in ("pitch", "duration", "interval", "step"):
        assert (getattr(viewpoints, name)[is_control] == NONE).all()
    assert len(set(viewpoints.rhythm[is_control].tolist())) == len(set(tokens[is_control].tolist()))
    assert not set(viewpoints.rhythm[is_control].tolist()) & set(viewpoints.rhythm[~is_control].tolist())
