"""Readers of music (text, scores, tokens and melodies), with valid inputs to mutate."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tests.breaking.mutations import as_json, mutated
from tests.breaking.reader import Reader, tokens_of
from tests.small_networks import walks

from chromasonic.melody_generation.corpora.files import FilesCorpus
from chromasonic.melody_generation.errors import InputError
from chromasonic.melody_generation.io.read_abc import decode_abc, read_abc
from chromasonic.melody_generation.io.read_score import parse_scores
from chromasonic.melody_generation.io.tunes import WrittenTune
from chromasonic.melody_generation.melody import MODES, Departure, Melody, Metre
from chromasonic.melody_generation.vocabulary import METRES, NoteVocabulary

VOCABULARY = NoteVocabulary()
_SECONDS_OF_SCORES = 5.0  # of processor time; music21 takes minutes for some MIDI files

# --- music as text ---------------------------------------------------------------------------------------------------

TUNES = (
    b"X:1\nT:The Keel Row\nM:4/4\nL:1/8\nK:A\nP:AB\nP:A\n|:E2|A3A c2A2|B2G2 E4|A3A c2A2|[1 B4 A2:|[2 B4 A4||\n",
    b'X:2\nT:Jig % words\nS:Trad\nM:6/8\nQ:3/8=120\nK:Gmix clef=treble\n"G"GAB (3def {g}e2d|=c^f_e ^^g__a z3|x2 Z2|\n',
    b"X:3\nT:Changes\nM:C|\nL:1/4\nK:Dm\nD>E F<G|[M:3/4]A2-A|[K:F]c''2 c,,/|[L:1/16]abcd|d-|d4/3 e3/ f//|]\n",
    b"X:4\nV:1\nV:2\nM:none\nK:none\n[V:1]CDEF|[V:2]c4|&C4|[CEG]2[G2B2]|!trill!c .d ~e Hf|w:la la la\n",
    "X:5\nT:Strathspey ünïcödé\nM:9/8\nK:Bb dorian\nY:ABB\nP:A\n(9abcdefgab (2ab (5:4:6 abcdef|::a b c:|\n".encode(),
)
ABC = tokens_of(
    "X: K: M: L: T: P: Y: V: Q: w: [M:3/4] [K:D] [L:1/4] [V:2] M:0/4 M:4/0 M:6/ M:999/8 M:free M:C M:2+3/8 L:1 L:0 L:1/0 "
    "K:HP K:Hp K:C^g K:Xyz K:none (3 (3:2:4 (0 (9:9:9 (99999 (3:0:0 > >> <<< - -- | || |] [| |: :| :: :|: |1 |2 :|2 [1 "
    "[2,3 [1-9999 [1-3,5 { } {g [ ] [] [CEG [CEG]999 ^ ^^ ^^^ _ __ = ' '''' ,,,,, / // ///////// /0 3/2 0 999999 z Z Z0 "
    'Z99 Z99999 x X y " "" "^text ! !!! + \\ % & && $ * ~ . H \u266f'
)
KERN = (
    b"!!!OTL: A tune\n**kern\n*clefG2\n*k[f#]\n*G:\n*M3/4\n4g\n=1\n8aL\n8bJ\n4cc\n4dd\n=2\n2.g\n=3\n4r\n2[a\n=4\n2.a]\n==\n*-\n",
    b"**kern\t**kern\n*M4/4\t*M4/4\n4c\t4e\n8dL 8f\t4g\n8eJ\t.\n=\t=\n1cc;\t1C\n*-\t*-\n",
    b"**kern\n*M6/8\n*k[b-e-]\n{8c\n16d-\n16e--\n12f#\n12g##\n12an\n=:|!\n4.c\n4.r}\n*v\n*-\n",
)
KERN_TOKENS = tokens_of("**kern *- *^ *v *+ *x *M3/4 *M0/4 *M4/0 *M4/4%3 *k[] *k[f#c#x] *G: *?: = == =:| . 4c 0c 00c 3%2c "
                      "1000000c 4.......c 4c### 4cccccccccccc 4CCCCCC [4c 4c] _4c 8cq 8cQ 4r ! !! !!!OTL: *staff1 *Ipiano")  # fmt: skip
MUSICXML = (
    b'<?xml version="1.0"?><score-partwise version="3.1"><work><work-title>T</work-title></work><part-list><score-part '
    b'id="P1"><part-name>M</part-name></score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>'
    b"2</divisions><key><fifths>1</fifths><mode>major</mode></key><time><beats>3</beats><beat-type>4</beat-type></time>"
    b"</attributes><note><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration><type>quarter</type></note>"
    b"<note><pitch><step>F</step><alter>1</alter><octave>4</octave></pitch><duration>2</duration><tie type='start'/></note>"
    b"<note><pitch><step>F</step><alter>1</alter><octave>4</octave></pitch><duration>2</duration><tie type='stop'/></note>"
    b'</measure><measure number="2"><note><grace/><pitch><step>A</step><octave>4</octave></pitch></note><note><rest/>'
    b"<duration>2</duration></note><backup><duration>2</duration></backup><note><chord/><pitch><step>C</step><octave>5"
    b"</octave></pitch><duration>4</duration></note><harmony><root><root-step>C</root-step></root><kind>major</kind>"
    b"</harmony><barline location='right'><repeat direction='backward'/></barline></measure></part></score-partwise>",
)
XML_TOKENS = (
    *tokens_of("<note> </note> <measure> </measure> <duration>0</duration> <duration>-1</duration> <divisions>0</divisions>"),
    *tokens_of("<beats>0</beats> <beat-type>0</beat-type> <beat-type>3</beat-type> <octave>99</octave> <alter>99</alter> "
             "<fifths>99</fifths> <chord/> <grace/> <cue/> <rest/> &amp; &lol; <![CDATA[ ]]> <!-- --> <part> <senza-misura/>"),
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>&c;',
    b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>&f;',
)  # fmt: skip


def _read_abc(content: bytes, folder: Path) -> None:
    del folder
    text = decode_abc(content)
    for repeats in ("written", "played"):
        for tune in read_abc(text, file_name="tune.abc", repeats=repeats):
            if isinstance(tune, WrittenTune):
                _survives(tune.melody)


def _survives(melody: Melody) -> None:
    """Raise an error unless a melody that fits the vocabulary survives encoding."""
    fitted = VOCABULARY.fit(melody).melody
    if fitted is not None:
        again = VOCABULARY.decode(VOCABULARY.encode(fitted), tonic=fitted.tonic)
        if again != VOCABULARY.encoded_part(fitted):
            raise AssertionError(f"{fitted} became {again}")


class TooSlowError(Exception):
    """A score that takes music21 long; the process that reads users' files would be ended."""


def _give_up(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise TooSlowError


def _score_reader(seeds: tuple[bytes, ...], tokens: tuple[bytes, ...], ending: str) -> Reader:
    def read(content: bytes, folder: Path) -> None:
        del folder
        signal.signal(signal.SIGVTALRM, _give_up)
        signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS_OF_SCORES, 1.0)
        try:
            tunes = list(parse_scores(content, ending, f"tune{ending}"))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        for tune in tunes:
            if isinstance(tune, WrittenTune):
                _survives(tune.melody)

    return Reader(lambda draw: mutated(draw, seeds, tokens), read, (InputError, TooSlowError), is_slow=True)


def _read_folder(content: bytes, folder: Path) -> None:
    (folder / "tune.abc").write_bytes(content)
    for melody in FilesCorpus(folder).read().melodies:
        VOCABULARY.encode(melody)


def _midi() -> bytes:
    """Return a MIDI file of two tracks with notes, a metre, a key and running status."""
    events = b"\x00\xff\x58\x04\x03\x02\x18\x08\x00\xff\x59\x02\x01\x00\x00\xff\x03\x04Tune\x00\x90\x43\x40"
    events += b"\x60\x43\x00\x00\x45\x40\x30\x80\x45\x00\x18\x90\x47\x40\x81\x40\x47\x00\x00\xff\x2f\x00"
    other = b"\x00\xc1\x05\x00\x91\x30\x40\x83\x00\x81\x30\x00\x00\xf0\x03\x01\x02\xf7\x00\xff\x2f\x00"
    tracks = b"".join(b"MTrk" + len(track).to_bytes(4) + track for track in (events, other))
    return b"MThd" + (6).to_bytes(4) + b"\x00\x01\x00\x02\x00\x60" + tracks


MIDI = (_midi(),)
MIDI_TOKENS = (
    *(b"MThd", b"MTrk", b"\xff\x2f\x00", b"\xff\x58\x04\x00\xff\x18\x08", b"\xff\x58\x04\xff\x00\x18\x08", b"\xff\x59\x02\x7f\x05"),
    *(b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x90\x3c\x40", b"\x80\x3c\x00", b"\xf7", b"\xf0", b"\xc0", b"\xe0\x00", b"\x80\x00"),
)  # fmt: skip


# --- tokens and melodies ---------------------------------------------------------------------------------------------


def _make_tokens(draw: random.Random) -> bytes:
    tokens = VOCABULARY.encode(draw.choice(walks(8))).tolist()
    for _ in range(draw.choice((0, 1, 3, 10))):
        index = draw.randrange(len(tokens) + 1)
        anything = (draw.randrange(len(VOCABULARY)), draw.randrange(300), -1, len(VOCABULARY), 10**9, -(2**62))
        match draw.randrange(4):
            case 0:
                tokens[index:index] = [draw.choice(anything)] * draw.choice((1, 1, 5))
            case 1:
                del tokens[index : index + draw.choice((1, 4, 100))]
            case 2:
                tokens[index : index + 1] = [draw.choice(anything)]
            case _:
                tokens += [draw.randrange(len(VOCABULARY)) for _ in range(draw.randrange(20))]
    return as_json({"tokens": tokens, "tonic": draw.choice((0, 5, 11, 0, 12, -1))})


def _decode(content: bytes, folder: Path) -> None:
    del folder
    values = json.loads(content)
    melody = VOCABULARY.decode(values["tokens"], tonic=values["tonic"])
    try:
        again = VOCABULARY.encode(melody)
    except ValueError as problem:
        raise AssertionError(f"the decoded melody cannot be encoded: {problem}") from problem
    VOCABULARY.decode(again, tonic=melody.tonic)


def _make_melody(draw: random.Random) -> bytes:
    n_notes = draw.choice((0, 1, 2, 5, 30, 200))
    extremes = draw.random() < 0.3
    durations = [draw.choice((1, 5, 10**6, 2**40)) if extremes else draw.randrange(1, 400) for _ in range(n_notes)]
    departures = sorted({draw.randrange(1, n_notes) for _ in range(draw.randrange(4))}) if n_notes > 1 else []
    return as_json(
        {
            "pitches": [draw.choice((-1, 0, 127, draw.randrange(-1, 128))) for _ in range(n_notes)],
            "durations": durations,
            "metre": _metre(draw),
            "start": draw.choice((0, 0, 12, 71, 95, 10**6)),
            "departures": [[note, draw.choice((None, _metre(draw)))] for note in departures],
            "tonic": draw.randrange(12),
            "mode": draw.choice(MODES),
            "corpus": draw.choice(("unknown", "nottingham", "mine", "")),
        }
    )


def _metre(draw: random.Random) -> list[int]:
    known = draw.choice(METRES)
    return draw.choice(
        ([known.beats, known.unit], [draw.randrange(40), draw.choice((1, 2, 3, 4, 8, 16, 32))], [10**9, 96])
    )


def _fit(content: bytes, folder: Path) -> None:
    del folder
    values = json.loads(content)
    values["metre"] = Metre(*values["metre"])
    values["departures"] = [Departure(note, Metre(*metre) if metre else None) for note, metre in values["departures"]]
    melody = Melody(**values)
    try:
        _survives(melody)
    except ValueError as problem:
        raise AssertionError(f"the fitted melody cannot be encoded: {problem}") from problem


MUSIC: dict[str, Reader] = {
    "abc": Reader(lambda draw: mutated(draw, TUNES, ABC), _read_abc, ()),
    "folder": Reader(lambda draw: mutated(draw, TUNES, ABC), _read_folder, is_slow=True),
    "kern": _score_reader(KERN, KERN_TOKENS, ".krn"),
    "midi": _score_reader(MIDI, MIDI_TOKENS, ".mid"),
    "musicxml": _score_reader(MUSICXML, XML_TOKENS, ".musicxml"),
    "tokens": Reader(_make_tokens, _decode, (ValueError,)),
    "melody": Reader(_make_melody, _fit, (ValueError,)),
}
