"""The listening page in a browser: playback, mouse, keyboard, downloads, safety."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import mido
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, expect
from tests.browser.conftest import HOSTILE, JIG, LONG, SCALE
from tests.browsing import PHONE, TABLET, WIDE, Visit, faint_texts, overflow, visiting

from chromasonic.melody_generation.evaluation.scored_melodies import ScoredMelodies
from chromasonic.melody_generation.harmony.harmonise import harmonise
from chromasonic.melody_generation.io.write_audio import to_wav
from chromasonic.melody_generation.melody import REST, TICKS_PER_QUARTER
from chromasonic.melody_generation.notation.tempo import usual_tempo
from chromasonic.melody_generation.pages.melody_tracks import melody_tracks, track_files
from chromasonic.melody_generation.pages.page import Page, TrackGroup, page_html

pytestmark = pytest.mark.slow

CARDS = "article"
# The loudest sample at the output of the page within a quarter of a second.
LOUDNESS = """async () => {
  const analyser = Player.context().createAnalyser();
  Player.output().connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, ...samples.map(Math.abs));
  }
  return loudest;
}"""


@pytest.fixture
def visit(browser: Browser, listening: Path) -> Iterator[Visit]:
    """Open the page, and check after the test that it has sent no request and logged no error."""
    with visiting(browser, listening) as opened:
        yield opened
        assert opened.requests == [opened.url]
        assert opened.complaints == []


def position(visit: Visit, track: int = 0) -> float:
    return float(visit.run("(track) => Player.tracks[track].position", track))


def is_playing(visit: Visit, track: int = 0) -> bool:
    return bool(visit.run("(track) => Player.isPlaying(Player.tracks[track])", track))


def press_play(visit: Visit, track: int = 0) -> None:
    visit.page.locator(CARDS).nth(track).locator("[data-do=play]").click()


def wait_for_position(visit: Visit, ticks: float, track: int = 0) -> None:
    visit.page.wait_for_function(
        "([track, ticks]) => Player.tracks[track].position > ticks", arg=[track, ticks], polling=20
    )


def becomes(visit: Visit, is_reached: Callable[[float], bool]) -> bool:
    """Return whether the loudest sample reaches a value soon; on a busy machine, sound lags behind."""
    return any(is_reached(visit.run(LOUDNESS)) for _ in range(20))


def test_the_page_shows_every_melody_with_all_its_notes(visit: Visit) -> None:
    assert visit.page.locator(CARDS).count() == 3
    for card, melody in zip(visit.page.locator(CARDS).all(), (JIG, SCALE, LONG), strict=True):
        n_sounding = int((melody.pitches != REST).sum())
        for shown in (".roll", ".narrow", ".wide"):
            notes = card.locator(f"{shown} [data-note]").evaluate_all("(all) => all.map((each) => each.dataset.note)")
            assert {int(note) for note in notes} == set(range(n_sounding)), shown
        assert card.locator(".scores dt").all_inner_texts() == ["coherence", "musicality", "diversity", "typicality"]
    # The jig's long note is tied over the bar line: two heads in the notation, one box in the roll.
    assert visit.page.locator(CARDS).first.locator(".wide [data-note='7']").count() == 2
    assert visit.page.locator(CARDS).first.locator(".roll [data-note='7']").count() == 1


def test_pressing_play_makes_sound_and_moves_the_playhead(visit: Visit) -> None:
    playhead = visit.page.locator(CARDS).nth(2).locator(".playhead")
    assert playhead.get_attribute("x1") == "0.000%"
    press_play(visit, 2)
    wait_for_position(visit, 20, 2)
    assert visit.run("Player.context().state") == "running"
    assert becomes(visit, lambda loudest: loudest > 0.02)
    before, clock = position(visit, 2), visit.run("Player.context().currentTime")
    wait_for_position(visit, before + 20, 2)
    assert visit.run("Player.context().currentTime") > clock
    shown = float((playhead.get_attribute("x1") or "").rstrip("%"))
    assert 100 * before / LONG.ticks < shown <= 100
    expect(visit.page.locator("#status")).to_have_text("Playing A long one")


def test_the_playhead_keeps_time_with_the_audio_clock(visit: Visit) -> None:
    press_play(visit, 2)
    wait_for_position(visit, 10, 2)
    now = "[Player.context().currentTime, Player.tracks[2].position]"
    measure = f"() => new Promise((resolve) => requestAnimationFrame(() => resolve({now})))"
    first_time, first = visit.run(measure)
    wait_for_position(visit, first + 60, 2)
    second_time, second = visit.run(measure)
    ticks_per_second = usual_tempo(LONG) / 60 * TICKS_PER_QUARTER
    assert (second - first) / (second_time - first_time) == pytest.approx(ticks_per_second, rel=0.15)


def test_the_note_that_sounds_is_marked_in_roll_and_notation(visit: Visit) -> None:
    press_play(visit)
    wait_for_position(visit, 50)
    visit.page.locator("#transport [data-do=play]").click()
    note = visit.run("Player.tracks[0].melody.notes.findLastIndex(([onset]) => onset <= Player.tracks[0].position)")
    for shown in (".roll", ".wide"):
        marked = visit.page.locator(CARDS).first.locator(f"{shown} .sounds")
        assert set(marked.evaluate_all("(all) => all.map((each) => Number(each.dataset.note))")) == {note}
    assert visit.page.locator(".sounds").count() == visit.page.locator(CARDS).first.locator(".sounds").count()


def test_nothing_is_marked_during_a_rest(visit: Visit) -> None:
    rest = int(JIG.onsets[JIG.pitches.tolist().index(REST)])
    visit.run("(tick) => Player.seek(Player.tracks[0], tick)", rest + 3)
    assert visit.page.locator(".sounds").count() == 0
    visit.run("(tick) => Player.seek(Player.tracks[0], tick)", rest - 3)
    assert visit.page.locator(".sounds").count() >= 2


def test_pause_holds_the_position_and_play_continues(visit: Visit) -> None:
    press_play(visit)
    wait_for_position(visit, 20)
    press_play(visit)
    held = position(visit)
    assert held > 20
    assert not is_playing(visit)
    visit.page.wait_for_timeout(250)
    assert position(visit) == held
    assert becomes(visit, lambda loudest: loudest < 0.02)
    expect(visit.page.locator("#status")).to_have_text("Paused A jig in bar 1")
    press_play(visit)
    wait_for_position(visit, held)
    visit.page.locator(CARDS).first.locator("[data-do=stop]").click()
    assert (position(visit), is_playing(visit)) == (0, False)


def test_one_melody_plays_at_a_time(visit: Visit) -> None:
    press_play(visit)
    wait_for_position(visit, 5)
    press_play(visit, 1)
    assert [is_playing(visit, track) for track in range(3)] == [False, True, False]
    held = position(visit)
    assert held > 5  # the first melody keeps its position
    assert visit.page.locator(".card.is-playing").count() == 1
    assert visit.page.locator("#transport .now").inner_text() == HOSTILE
    press_play(visit)
    wait_for_position(visit, held)
    assert [is_playing(visit, track) for track in range(3)] == [True, False, False]


def test_a_melody_ends_and_can_be_played_again(visit: Visit) -> None:
    visit.run("(tick) => Player.seek(Player.tracks[0], tick)", JIG.ticks - 10)
    press_play(visit)
    expect(visit.page.locator("#status")).to_have_text("A jig has ended")
    assert (position(visit), is_playing(visit)) == (0, False)
    press_play(visit)
    wait_for_position(visit, 5)


def test_a_click_into_the_roll_seeks(visit: Visit) -> None:
    roll = visit.page.locator(CARDS).nth(1).locator(".roll")
    lanes = roll.locator(".lanes")
    box = lanes.bounding_box()
    assert box
    lanes.click(position={"x": box["width"] / 2, "y": 10})
    assert position(visit, 1) == pytest.approx(SCALE.ticks / 2, rel=0.02)
    assert roll.get_attribute("aria-valuenow") == str(round(position(visit, 1)))
    press_play(visit, 1)
    lanes.click(position={"x": box["width"] / 4, "y": 10})
    assert is_playing(visit, 1)
    assert position(visit, 1) < 0.4 * SCALE.ticks


def test_the_roll_labels_the_tonic(visit: Visit) -> None:
    roll = visit.page.locator(CARDS).nth(2).locator(".roll")
    assert roll.locator(".gutter text").all_text_contents() == ["C4", "C5"]
    for part in (0, 1):
        roll.evaluate("(roll, part) => (roll.scrollLeft = part * roll.scrollWidth)", part)
        gutter, box = roll.locator(".gutter").bounding_box(), roll.bounding_box()
        assert gutter
        assert box
        assert gutter["x"] == pytest.approx(box["x"] + 1)  # its border
        corner = "({ x, y, width }) => document.elementFromPoint(x + width / 2, y + 5).closest('svg').classList.value"
        roll.scroll_into_view_if_needed()
        assert visit.run(corner, roll.locator(".gutter").bounding_box()) == "gutter"


def test_a_long_roll_scrolls_along_and_seeks_where_it_is_clicked(visit: Visit) -> None:
    roll = visit.page.locator(CARDS).nth(2).locator(".roll")
    visit.run("(tick) => Player.seek(Player.tracks[2], tick)", LONG.ticks // 2)
    press_play(visit, 2)
    wait_for_position(visit, LONG.ticks // 2, 2)
    assert roll.evaluate("(roll) => roll.scrollLeft") > 0
    sheet = visit.page.locator(CARDS).nth(2).locator(".wide")
    assert sheet.evaluate("(sheet) => sheet.scrollTop") > 0
    visit.page.locator("#transport [data-do=play]").click()
    roll.evaluate("(roll) => (roll.scrollLeft = roll.scrollWidth)")
    box = roll.bounding_box()
    assert box
    roll.click(position={"x": box["width"] - 5, "y": 10})
    assert position(visit, 2) > 0.97 * LONG.ticks


def test_the_tempo_knob_changes_how_fast_it_goes_without_a_jump(visit: Visit) -> None:
    visit.page.locator("#tempo").fill("50")
    assert visit.page.locator("#tempo-value").inner_text() == "♩. = 52"  # a jig's beat, as above its notation
    assert visit.page.locator("#tempo").get_attribute("aria-valuetext") == "dotted quarter = 52"
    assert visit.run("Player.tracks.map((track) => track.clock.textContent)[1]") == "0:00 / 0:16"
    press_play(visit, 2)
    wait_for_position(visit, 10, 2)
    before, after = visit.run(
        """() => {
            const track = Player.tracks[2];
            const before = track.position;
            const knob = document.getElementById("tempo");
            knob.value = 150;
            knob.dispatchEvent(new Event("input"));
            return [before, track.position];
        }"""
    )
    assert after == before > 10
    assert visit.page.locator("#tempo-value").inner_text() == f"♩ = {1.5 * usual_tempo(LONG):.0f}"
    assert is_playing(visit, 2)
    wait_for_position(visit, before + 20, 2)


def test_the_volume_knob_is_heard(visit: Visit) -> None:
    visit.page.locator("#volume").fill("0")
    press_play(visit, 2)
    wait_for_position(visit, 20, 2)
    assert visit.run(LOUDNESS) < 0.001
    visit.page.locator("#volume").fill("100")
    assert becomes(visit, lambda loudest: loudest > 0.05)


def test_the_keyboard_controls_everything(visit: Visit) -> None:
    keyboard = visit.page.keyboard
    roll = visit.page.locator(CARDS).nth(1).locator(".roll")
    roll.focus()
    keyboard.press("Space")
    assert is_playing(visit, 1)
    keyboard.press("Space")
    assert not is_playing(visit, 1)
    keyboard.press("Home")
    positions = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "PageUp", "PageUp", "PageDown", "ArrowUp", "ArrowDown", "End"):
        keyboard.press(key)
        positions.append(position(visit, 1))
    assert positions == [24, 48, 24, 96, 192, 96, 120, 96, SCALE.ticks]
    keyboard.press("Escape")
    assert position(visit, 1) == 0
    visit.page.locator(CARDS).nth(1).locator("header [data-do=play]").focus()
    keyboard.press("ArrowRight")
    assert position(visit, 1) == 24
    keyboard.press("Space")  # as on any button
    assert is_playing(visit, 1)
    visit.page.locator("#volume").focus()
    keyboard.press("ArrowLeft")
    assert visit.page.locator("#volume").input_value() == "75"


def test_the_tab_key_moves_a_visible_focus_in_reading_order(visit: Visit) -> None:
    stops = []
    for _ in range(40):
        visit.page.keyboard.press("Tab")
        stops.append(
            visit.run(
                """() => {
                    const on = document.activeElement;
                    const style = getComputedStyle(on);
                    const name = on.getAttribute("aria-label") ?? on.id ?? "";
                    return [on.closest("article")?.dataset.track ?? "", name || on.tagName, style.outlineStyle];
                }"""
            )
        )
    assert {outline for _, _, outline in stops if _ != "BODY"} == {"solid"}
    names = [name for _, name, _ in stops]
    first = names.index("Play A jig")
    files = [f"Save {kind} of A jig" for kind in ("MIDI", "MusicXML", "ABC", "SVG", "WAV")]
    files.insert(3, "Copy A jig as ABC")
    assert names[first : first + 9] == ["Play A jig", "Stop A jig", "Position in A jig", *files]
    assert names[first + 9] == f"Play {HOSTILE}"
    assert (
        names.index("Play A long one") < names.index("Stop A long one") < names.index("tempo") < names.index("volume")
    )


def test_every_control_has_a_label(visit: Visit) -> None:
    unnamed = visit.run(
        """() => [...document.querySelectorAll("button, input, [role=slider]")]
            .filter((each) => !(each.getAttribute("aria-label") ?? each.labels?.[0]?.textContent ?? "").trim())
            .map((each) => each.outerHTML)"""
    )
    assert unnamed == []
    roll = visit.page.locator(CARDS).first.locator(".roll")
    assert roll.get_attribute("aria-valuetext") == "bar 1, 0:00 / 0:04"
    press_play(visit)
    expect(visit.page.locator(CARDS).first.locator("header [data-do=play]")).to_have_attribute(
        "aria-label", "Pause A jig"
    )


def test_a_downloaded_file_equals_the_exported_file(visit: Visit, tmp_path: Path) -> None:
    melodies = list(zip(visit.page.locator(CARDS).all(), (JIG, SCALE, LONG), ("a_jig", "scale", "long"), strict=True))
    files_of = [*product(melodies[:1], ("mid", "musicxml", "abc", "svg")), *product(melodies[1:], ("mid", "abc"))]
    for (card, melody, stem), kind in files_of:  # Chromium asks its user before the eleventh file of a page
        with visit.page.expect_download() as saved:
            card.locator(f"[data-file={kind}]").click()
        assert saved.value.suggested_filename == f"{stem}.{kind}"
        path = tmp_path / saved.value.suggested_filename
        saved.value.save_as(path)
        files = {file.kind: file.contents for file in track_files(melody, usual_tempo(melody), stem)}
        assert path.read_bytes() == files[kind]
        if kind == "mid":
            played = [message.note for message in mido.MidiFile(path) if message.type == "note_on" and message.velocity]
            assert played == melody.pitches[melody.pitches != REST].tolist()


def test_the_downloaded_audio_contains_the_notes(visit: Visit, tmp_path: Path) -> None:
    with visit.page.expect_download() as saved:
        visit.page.locator(CARDS).nth(1).locator("[data-file=wav]").click()
    saved.value.save_as(tmp_path / "scale.wav")
    data = (tmp_path / "scale.wav").read_bytes()
    assert data[:4] == b"RIFF"
    rate, samples = read_wav(data)
    exported_rate, exported = read_wav(to_wav(SCALE, usual_tempo(SCALE)))
    assert (rate, len(samples)) == (exported_rate, len(exported))
    assert np.abs(samples - exported).max() < 0.005  # browser and exporter synthesize the same sound
    assert np.abs(samples).max() == pytest.approx(0.8, abs=0.001)
    for onset, pitch in zip(SCALE.onsets.tolist(), SCALE.pitches.tolist(), strict=True):
        begin = int((onset / TICKS_PER_QUARTER * 60 / usual_tempo(SCALE) + 0.1) * rate)
        heard = loudest_frequency(samples[begin : begin + int(0.3 * rate)], rate)
        assert 69 + 12 * np.log2(heard / 440) == pytest.approx(pitch, abs=0.3)


def test_chords_sound_unless_they_are_switched_off(browser: Browser, tmp_path: Path) -> None:
    melody = harmonise(SCALE)
    assert len(melody.chords) > 2
    tracks = melody_tracks(ScoredMelodies((melody,)), [0], ["A scale"], ["scale"])
    path = tmp_path / "index.html"
    path.write_text(page_html(Page("Chords", "", (), "", groups=(TrackGroup("", "", tracks),))), encoding="utf-8")
    with visiting(browser, path) as opened:
        for width in (PHONE, TABLET, WIDE):
            opened.page.set_viewport_size({"width": width, "height": 900})
            assert overflow(opened) <= 0
        for has_chords in (True, False):
            with opened.page.expect_download() as saved:
                opened.page.locator("[data-file=wav]").click()
            saved.value.save_as(tmp_path / "scale.wav")
            samples = read_wav((tmp_path / "scale.wav").read_bytes())[1]
            exported = read_wav(to_wav(melody, usual_tempo(melody), chords=has_chords))[1]
            assert np.abs(samples - exported).max() < 0.005
            press_play(opened)
            wait_for_position(opened, 5)
            opened.page.get_by_label("Chords").click()
            assert is_playing(opened)
            opened.page.locator("header [data-do=stop]").click()
        assert opened.complaints == []


def test_another_instrument_plays_in_another_key(visit: Visit, tmp_path: Path) -> None:
    visit.page.get_by_text("More").click()
    visit.page.get_by_label("Instrument").select_option("fiddle")
    visit.page.get_by_label("Semitones up").fill("-3")
    with visit.page.expect_download() as saved:
        visit.page.locator(CARDS).nth(1).locator("[data-file=wav]").click()
    saved.value.save_as(tmp_path / "scale.wav")
    samples = read_wav((tmp_path / "scale.wav").read_bytes())[1]
    exported = read_wav(to_wav(SCALE.transposed(-3), usual_tempo(SCALE), instrument="fiddle"))[1]
    assert np.abs(samples - exported).max() < 0.005


@pytest.mark.parametrize(("knob", "following"), [("Play all", 1), ("Again and again", 0), (None, None)])
def test_a_melody_that_ends_is_followed_as_the_page_was_told(
    visit: Visit, knob: str | None, following: int | None
) -> None:
    if knob:
        visit.page.get_by_text("More").click()
        visit.page.get_by_label(knob).check()
    press_play(visit)
    visit.run("(tick) => Player.seek(Player.tracks[0], tick)", JIG.ticks - 4)
    if following is None:
        expect(visit.page.locator("#status")).to_have_text("A jig has ended")
        assert not is_playing(visit)
        return
    visit.page.wait_for_function(
        "([track, last]) => Player.isPlaying(Player.tracks[track]) && Player.tracks[track].position < last",
        arg=[following, JIG.ticks - 10],
        polling=20,
    )


def test_the_space_bar_plays_instead_of_scrolling(visit: Visit) -> None:
    visit.page.keyboard.press("Space")
    wait_for_position(visit, 5)
    visit.page.keyboard.press("Space")
    assert not is_playing(visit)
    assert visit.run("scrollY") == 0


def test_a_melody_is_copied_as_abc(visit: Visit) -> None:
    visit.page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    visit.page.locator(CARDS).first.locator("[data-do=copy]").click()
    expect(visit.page.locator("#status")).to_have_text("Copied A jig as ABC")
    assert visit.run("window.copied").startswith("X:1\n")


def read_wav(data: bytes) -> tuple[int, NDArray[np.float64]]:
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def loudest_frequency(samples: NDArray[np.float64], rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    return float(spectrum.argmax() * rate / (8 * len(samples)))


def test_hostile_names_are_shown_as_text(visit: Visit) -> None:
    assert visit.page.title() == f"Melodies {HOSTILE}"
    assert visit.page.locator("h1").inner_text() == f"Melodies {HOSTILE}"
    assert visit.page.locator("h3").nth(1).inner_text() == HOSTILE
    copied = visit.page.locator(CARDS).nth(1).locator(".copying")
    assert copied.locator("strong").inner_text() == "16 notes"
    assert copied.locator("q").inner_text().strip("“”") == HOSTILE
    assert copied.locator(".source").inner_text() == HOSTILE
    assert visit.page.locator(CARDS).nth(1).locator(".roll .shared").count() == len(SCALE)
    for track in range(3):
        press_play(visit, track)
    assert visit.page.locator("img, iframe, object, embed, a").count() == 0
    assert visit.run("typeof window.hacked") == "undefined"


def test_the_content_security_policy_blocks_foreign_content(browser: Browser, listening: Path) -> None:
    with visiting(browser, listening) as opened:
        opened.run(
            """() => {
                document.body.insertAdjacentHTML("beforeend", '<img src="x.png" onerror="window.hacked = 1">');
                const script = document.createElement("script");
                script.textContent = "window.hacked = 2";
                document.body.append(script);
            }"""
        )
        assert opened.run("fetch('https://example.org').then(() => 'came', () => 'refused')") == "refused"
        assert opened.run("typeof window.hacked") == "undefined"
        assert all(failure.endswith(" csp") for failure in opened.failures), opened.failures
        assert len(opened.failures) == len(opened.requests) - 1
        assert sum("Content Security Policy" in complaint for complaint in opened.complaints) >= 3


def test_the_page_fits_every_screen(visit: Visit) -> None:
    opened = visit
    for width in (PHONE, TABLET, WIDE):
        opened.page.set_viewport_size({"width": width, "height": 800})
        assert overflow(opened) <= 0
        notations = opened.page.locator(CARDS).first.locator(".notation")
        visible = [notation.is_visible() for notation in notations.all()]
        assert visible == ([True, False] if width == PHONE else [False, True])
        boxes = "[...document.querySelectorAll('button')].map((each) => each.getBoundingClientRect().toJSON())"
        for box in opened.run(boxes):
            assert min(box["width"], box["height"]) >= 34  # pixels, large enough for a finger
        assert opened.is_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_enough_contrast(browser: Browser, listening: Path, scheme: str) -> None:
    with visiting(browser, listening, scheme="dark" if scheme == "dark" else "light") as opened:
        n_texts, faint = faint_texts(opened)
        assert n_texts > 60
        assert faint == []
        ground = opened.run("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(18, 19, 24)") == (scheme == "dark")


def test_a_page_is_small(scored: ScoredMelodies, listening: Path) -> None:
    assert len(scored.melodies) == 3
    assert listening.stat().st_size < 700_000
