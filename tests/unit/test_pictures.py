"""Pictures are well-formed, hold what was put in, and stand where the numbers say."""

import math
import re
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest

from tapehand.audio import Audio
from tapehand.audio.peaks import peaks
from tapehand.pictures.axes import Scale, frequency_ticks, time_ticks
from tapehand.pictures.chord_chart import ChartChord, chord_chart_svg
from tapehand.pictures.levels import LevelRow, levels_svg
from tapehand.pictures.loudness import loudness_svg
from tapehand.pictures.palette import HEAT_ANCHORS
from tapehand.pictures.piano_roll import LEFT_PX, RollNote, RollPart, RollSection, note_name, piano_roll_svg
from tapehand.pictures.pitch_line import pitch_line_svg
from tapehand.pictures.png import heat, png
from tapehand.pictures.spectrogram import SpectrogramMark, spectrogram_png, spectrogram_svg
from tapehand.pictures.spectrum import TargetBand, spectrum_svg
from tapehand.pictures.svg import Drawing, shortened, text_width
from tapehand.pictures.waveform import Mark, waveform_svg

NASTY = "<script>&\"'\x1b[31m\u202e\udcff🥁"
NS = "{http://www.w3.org/2000/svg}"


def unpng(file: bytes) -> np.ndarray:
    """An independent reader for what we write: RGB, 8 bits, filters 0 and 2."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    place, body, size = 8, b"", (0, 0)
    while place < len(file):
        length, name = struct.unpack(">I4s", file[place : place + 8])
        payload = file[place + 8 : place + 8 + length]
        assert zlib.crc32(name + payload) == struct.unpack(">I", file[place + 8 + length : place + 12 + length])[0]
        if name == b"IHDR":
            size = struct.unpack(">II", payload[:8])
            assert payload[8:] == bytes([8, 2, 0, 0, 0])
        body += payload if name == b"IDAT" else b""
        place += 12 + length
    rows = np.frombuffer(zlib.decompress(body), dtype=np.uint8).reshape(size[1], 1 + 3 * size[0])
    pixels = np.zeros((size[1], size[0] * 3), dtype=np.uint8)
    for number, row in enumerate(rows):
        assert row[0] in (0, 2)
        pixels[number] = row[1:] + (pixels[number - 1] if row[0] == 2 and number else 0)
    return pixels.reshape(size[1], size[0], 3)


def test_png_holds_the_pixels(rng):
    pixels = rng.integers(0, 256, (7, 5, 3)).astype(np.uint8)
    assert np.array_equal(unpng(png(pixels)), pixels)


def test_heat_goes_evenly_from_dark_to_light():
    colours = heat(np.linspace(0, 1, 256))
    assert tuple(colours[0]) == HEAT_ANCHORS[0]
    assert tuple(colours[-1]) == HEAT_ANCHORS[-1]
    linear = (colours / 255.0) ** 2.2
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    lightness = 116 * np.cbrt(luminance) - 16
    assert (np.diff(lightness) > -0.2).all()
    assert np.ptp(np.diff(lightness[::16])) < 6.0
    assert np.array_equal(heat(np.array([-1.0, 2.0])), colours[[0, -1]])


def all_pictures() -> dict[str, str]:
    audio = Audio.of(np.random.default_rng(1).uniform(-1, 1, (2, 30_000)), 44_100)
    centres = [100.0, 125.0, 160.0]
    part = RollPart(name=NASTY, notes=[RollNote(start_bars=0.5, length_bars=0.25, pitch=60)])
    return {
        "waveform": waveform_svg(
            peaks(audio),
            title=NASTY,
            places=[Mark(start_s=0.1, end_s=0.1, label=NASTY)],
            sections=[Mark(start_s=0, end_s=0.5, label=NASTY)],
        ),
        "spectrum": spectrum_svg(
            centres,
            [-20.0, -np.inf, -30.0],
            title=NASTY,
            before_db=[-20.0, -21.0, -np.inf],
            target=TargetBand(lower_db=[-30.0] * 3, upper_db=[-10.0] * 3, name=NASTY),
        ),
        "spectrogram": spectrogram_svg(audio, title=NASTY),
        "piano roll": piano_roll_svg(
            [part, RollPart(name="empty", notes=[])],
            title=NASTY,
            length_bars=4,
            sections=[RollSection(name=NASTY, start_bar=1, bars=4)],
        ),
        "loudness": loudness_svg(
            [-20.0, -np.inf], [-21.0], step_s=0.1, length_s=4.0, title=NASTY, integrated_lufs=-20.0, target_lufs=-14.0
        ),
        "levels": levels_svg([LevelRow(name=NASTY, before=-20.0, after=None)], title=NASTY),
    }


@pytest.mark.parametrize("name", all_pictures())
def test_pictures_are_well_formed_and_escape_what_they_are_given(name):
    document = re.sub(r"base64,[^\"]*", "", all_pictures()[name])
    root = ElementTree.fromstring(document)
    assert root.tag == f"{NS}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert "script>" not in document
    assert "\x1b" not in document
    assert "\u202e" not in document
    assert "nan" not in document
    assert "inf" not in document
    assert all_pictures()[name] == all_pictures()[name]
    assert "prefers-color-scheme" in document


def test_nothing_to_draw_is_still_a_picture():
    empty, silent = Audio.silence(2, 0, 44_100), Audio.silence(1, 44_100, 44_100)
    for audio in (empty, silent):
        ElementTree.fromstring(waveform_svg(peaks(audio), title="x"))
        ElementTree.fromstring(spectrogram_svg(audio, title="x"))
    ElementTree.fromstring(piano_roll_svg([], title="x", length_bars=0))
    ElementTree.fromstring(loudness_svg([], [], step_s=0.1, length_s=0.0, title="x"))
    ElementTree.fromstring(levels_svg([], title="x"))
    ElementTree.fromstring(spectrum_svg([100.0], [-np.inf], title="x"))


def test_the_loudest_row_of_a_spectrogram_is_the_tone():
    tone = np.sin(2 * np.pi * 1_000 * np.arange(88_200) / 44_100)[np.newaxis] * 0.5
    pixels = unpng(spectrogram_png(Audio.of(tone, 44_100), columns=40, rows=200)).astype(int).sum(axis=2)
    row = int(pixels[:, 20].argmax())
    expected = 200 * (1 - np.log(1_000 / 30) / np.log(20_000 / 30))
    assert abs(row + 0.5 - expected) < 2.5
    half = np.concatenate([tone[:, :44_100] * 0, tone[:, 44_100:]], axis=1)
    pixels = unpng(spectrogram_png(Audio.of(half, 44_100), columns=40, rows=200)).astype(int).sum(axis=2)
    assert pixels[row, 35] > pixels[row, 5] + 200


def test_notes_stand_at_their_bars():
    part = RollPart(name="bass", notes=[RollNote(start_bars=2.0, length_bars=1.0, pitch=40)])
    root = ElementTree.fromstring(piano_roll_svg([part], title="x", length_bars=4, width=960))
    notes = [box for box in root.iter(f"{NS}rect") if box.get("opacity")]
    left, inner = LEFT_PX, 960 - LEFT_PX - 18.0
    assert len(notes) == 1
    assert float(notes[0].get("x")) == pytest.approx(left + inner / 2, abs=0.01)
    assert float(notes[0].get("width")) == pytest.approx(inner / 4 - 0.4, abs=0.01)


def test_bars_of_levels_say_the_difference():
    document = levels_svg([LevelRow(name="vox", before=-23.6, after=-17.2)], title="x")
    assert "+6.4 dB" in document
    assert "level / LUFS" in document


def test_a_wave_reaches_as_far_as_its_samples():
    samples = np.zeros((1, 96_000))
    samples[0, 48_000] = 1.0
    samples[0, 72_000] = -0.5
    root = ElementTree.fromstring(waveform_svg(peaks(Audio.of(samples, 48_000)), title="x"))
    outline = max(root.iter(f"{NS}polygon"), key=lambda shape: len(shape.get("points")))
    points = np.array([[float(part) for part in pair.split(",")] for pair in outline.get("points").split()])
    top, bottom = points[points[:, 1].argmin()], points[points[:, 1].argmax()]
    left, inner = 58.0, 960 - 58.0 - 18.0
    assert top[0] == pytest.approx(left + inner / 2, abs=2)
    assert bottom[0] == pytest.approx(left + inner * 0.75, abs=2)
    assert (bottom[1] - (top[1] + 42)) == pytest.approx(21, abs=0.01)


def test_scales_and_ticks():
    assert Scale(20, 20_000, 0, 300, True)(200) == pytest.approx(100)
    assert Scale(0, 10, 100, 0)(20) == 0
    assert [tick.label for tick in time_ticks(240)][:3] == ["0:00", "0:30", "1:00"]
    assert [tick.label for tick in frequency_ticks(40, 6_000)] == ["50", "100", "200", "500", "1k", "2k", "5k"]
    assert (note_name(60), note_name(21)) == ("C4", "A0")


def test_long_words_keep_both_ends():
    assert shortened("Guitar_DI_verse_take_07", 12) == "Guitar_D…_07"
    assert shortened("short", 12) == "short"


def test_numbers_are_short():
    drawing = Drawing(100, 50, "x", theme="dark")
    drawing.line((1 / 3, -0.0001), (2.50, 7.0), stroke="grid")
    assert 'x1="0.33" y1="0" x2="2.5" y2="7"' in drawing.document()
    assert "prefers-color-scheme" not in drawing.document()


def test_a_chart_repeats_no_chord_that_goes_on_and_doubts_what_is_not_sure() -> None:
    played = [("C", 0.0, 0.9), ("C", 1.0, 0.9), ("N", 2.0, 0.9), ("Am7", 3.0, 0.2)]
    chords = [ChartChord(start_bars=at, name=name, confidence=sure) for name, at, sure in played]
    words = re.findall(r"<text[^>]*font-size=\"16\"[^>]*>([^<]*)<", chord_chart_svg(chords, bars=4, title="x"))
    assert words == ["C", "/", "N.C.", "Am7?"]


def test_marks_of_one_kind_close_together_are_labelled_once() -> None:
    audio = Audio.of(np.random.default_rng(1).standard_normal((1, 8_000)), 8_000)
    marks = [SpectrogramMark(label=label, start_s=at, end_s=at) for label, at in (("click", 0.5), ("click", 0.51))]
    assert spectrogram_svg(audio, title="x", marks=marks).count(">click<") == 1
    apart = [
        marks[0],
        SpectrogramMark(label="click", start_s=0.9, end_s=0.9),
        SpectrogramMark(label="hum", start_s=0.5, end_s=0.6),
    ]
    assert spectrogram_svg(audio, title="x", marks=apart).count(">click<") == 2


def test_letters_of_double_width_take_twice_the_room() -> None:
    assert shortened("リードボーカル", 14) == "リードボーカル"
    cut = shortened("リードボーカル メイン", 12)
    assert text_width(cut) <= 12
    assert "…" in cut


def test_slips_by_octaves_do_not_flatten_a_line() -> None:
    times = [0.01 * step for step in range(1_000)]
    steady = [60.0 + 0.1 * math.sin(step / 10.0) for step in range(1_000)]
    slipped = [*steady[:500], 84.0, *steady[501:]]
    drawn = [pitch_line_svg(times, pitches, title="x", length_s=10.0) for pitches in (steady, slipped)]
    labels = [re.findall(r">([A-G]#?\d)<", each) for each in drawn]
    assert labels[0] == labels[1]
