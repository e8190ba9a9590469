"""Prompts as people write them, and what must be understood of each."""

from typing import Any

import pytest

from tapehand.engines.composing.brief import understand
from tapehand.engines.composing.parse import parse
from tapehand.errors import InputError
from tapehand.song.brief import Brief, BriefField

# prompt, and the fields that must come out exactly. "excluded" and "instruments" are compared as sets, "not" is a word
# that must be in a sentence of what is not made.
PROMPTS: list[tuple[str, dict[str, Any]]] = [
    (
        "dusty boom bap, 88 bpm, F minor, two minutes",
        {"genre": "boom bap", "tempo_bpm": 88, "key": "F", "mode": "minor", "length_s": 120, "mood": ("dusty",)},
    ),
    ("dark trap 140 in F# minor", {"genre": "trap", "tempo_bpm": 140, "key": "F#", "mode": "minor", "mood": ("dark",)}),
    (
        "House at 124 BPM, G dorian, 3:30",
        {"genre": "house", "tempo_bpm": 124, "key": "G", "mode": "dorian", "length_s": 210},
    ),
    ("boombap at 92", {"genre": "boom bap", "tempo_bpm": 92}),
    ("boom-bap, tempo: 85.5", {"genre": "boom bap", "tempo_bpm": 85.5}),
    ("trap, ninety bpm", {"genre": "trap", "tempo_bpm": 90}),
    ("trap beat, one hundred and forty bpm", {"tempo_bpm": 140}),
    ("house, eighty-eight beats per minute", {"tempo_bpm": 88}),
    ("trap between 140 and 150 bpm", {"tempo_bpm": 145}),
    ("90s boom bap 90", {"genre": "boom bap", "tempo_bpm": 90}),
    ("90s boom bap", {"genre": "boom bap", "length_s": 149.333}),
    ("boom bap, 90s long... no: 75s", {"length_s": 75}),
    ("trap with 808s", {"genre": "trap", "instruments": {"808"}}),
    ("dark trap with 808", {"genre": "trap", "instruments": {"808"}}),
    ("trap without 808 but with sub bass", {"instruments": {"sub bass"}, "excluded": {"808"}}),
    ("trap, no bass, huge 808", {"excluded": {"bass"}, "not": "808 is asked for, but bass is excluded"}),
    ("ein langsamer Boom-Bap-Beat in a-Moll, ohne Hi-Hats", {"key": "A", "mode": "minor", "excluded": {"hats"}}),
    ("una base de trap oscuro, sin hi-hats", {"excluded": {"hats"}, "not": "without effect: una, base, oscuro"}),
    ("house, swing 200%", {"swing_percent": 75, "not": "75 % in place of 200 %"}),
    ("trap, chords Dm7 G7 Cmaj7", {"key": "C", "mode": "major"}),
    ("trap, chords: Am F C G", {"key": "A", "mode": "minor"}),
    ("boom bap 90bpm 1 minute intro 4 verse 16 hook 8", {"length_s": 60, "not": "sections asked for make 28 bars"}),
    ("hip hop with a 909 clap", {"genre": "boom bap", "instruments": {"clap"}}),
    ("Gm house", {"key": "G", "mode": "minor"}),
    ("house in Bb", {"key": "Bb", "mode": "major"}),
    ("dark house in Bb", {"key": "Bb", "mode": "minor"}),
    ("trap in E flat minor", {"key": "Eb", "mode": "minor"}),
    ("trap, F sharp minor", {"key": "F#", "mode": "minor"}),
    ("trap, f sharp min", {"key": "F#", "mode": "minor"}),
    ("trap in c# phrygian", {"key": "C#", "mode": "phrygian"}),
    ("trap, A harmonic minor", {"key": "A", "mode": "harmonic minor"}),
    ("house, key of D", {"key": "D", "mode": "major"}),
    ("house, key: am", {"key": "A", "mode": "minor"}),
    ("boom bap in A minor", {"key": "A", "mode": "minor"}),
    ("boom bap in a minor key", {"mode": "minor"}),
    ("a minor beat, boom bap", {"mode": "minor"}),
    ("happy house in a major key", {"mode": "major"}),
    ("FM bells over trap", {"instruments": {"bells"}}),
    ("house, 2 min 30", {"length_s": 150}),
    ("house, 2m30s", {"length_s": 150}),
    ("trap, a minute and a half", {"length_s": 90}),
    ("trap, half a minute", {"length_s": 30}),
    ("trap, 1.5 minutes long", {"length_s": 90}),
    ("boom bap, 96 bpm, 40 bars", {"length_s": 100}),
    ("boom bap, 90 seconds", {"length_s": 90}),
    ("boom bap, 16-bar loop at 96 bpm", {"length_s": 40}),
    ("trap, 2-3 minutes", {"length_s": 150}),
    ("boom bap in 3/4", {"meter": "3/4"}),
    ("house in 7/8", {"meter": "7/8"}),
    ("trap with 1/32 hat rolls", {"meter": "4/4", "instruments": {"hats"}}),
    ("trap, no hats", {"excluded": {"hats"}}),
    ("trap without hats or claps, but with a flute", {"excluded": {"hats", "clap"}, "instruments": {"flute"}}),
    ("boom bap without hats, claps or shaker, dusty", {"excluded": {"hats", "clap", "shaker"}, "mood": ("dusty",)}),
    ("no drums, just piano and bass, boom bap", {"excluded": {"drums"}, "instruments": {"piano", "bass"}}),
    ("drumless boom bap with rhodes", {"excluded": {"drums"}, "instruments": {"rhodes"}}),
    ("house, don't use the piano", {"excluded": {"piano"}}),
    ("house, drop the pads", {"excluded": {"pads"}}),
    ("bass-free house", {"excluded": {"bass"}}),
    ("boom bap, not too dark", {"mood": ()}),
    ("hosue muisc with pianno", {"genre": "house", "instruments": {"piano"}}),
    ("bom bap with vibraphone and strings", {"instruments": {"vibraphone", "strings"}}),
    ("chords Gm7 - Cm7 - F7, house", {"chords": ("Gm7", "Cm7", "F7")}),
    ("trap with Am F C G", {"chords": ("Am", "F", "C", "G"), "key": "A", "mode": "minor"}),
    ("i-VI-III-VII trap in C minor", {"chords": ("Cm", "Ab", "Eb", "Bb")}),
    ("house in C major, ii7 V7 Imaj7", {"chords": ("Dm7", "G7", "Cmaj7")}),
    ("house, chords: D minor 7, G7", {"chords": ("Dm7", "G7")}),
    ("intro 4 verse 16 hook 8 outro 4, trap", {"form": ("Intro 4", "Verse 16", "Hook 8", "Outro 4")}),
    ("chill lofi for studying", {"genre": "boom bap", "mood": ("mellow",), "not": "lo-fi"}),
    ("drum and bass, 174 bpm", {"genre": "house", "tempo_bpm": 174, "not": "drum and bass"}),
    ("drill type thing, 142", {"genre": "trap", "not": "drill"}),
    ("trap with vocals", {"not": "vocals"}),
    ("trap with lyrics about rain", {"not": "lyrics"}),
    ("house with saxophone", {"not": "saxophone"}),
    ("J Dilla type beat", {"genre": "boom bap", "not": "J Dilla"}),
    ("Zonko Fleem type beat, trap", {"genre": "trap", "not": "Zonko Fleem"}),
    ("trap at 140 bpm and 90 bpm", {"tempo_bpm": 140, "not": "several tempos"}),
    ("house in F minor or G minor", {"key": "F", "not": "several keys"}),
    ("house trap fusion", {"genre": "house", "not": "several genres"}),
    ("house, piano but no piano", {"excluded": {"piano"}, "not": "both asked for and excluded"}),
    ("aggressive beat with 808", {"genre": "trap"}),
    ("uplifting club track", {"genre": "house"}),
    ("something dusty and jazzy", {"genre": "boom bap"}),
    ("make me a beat", {"genre": "boom bap"}),
    ("instrumental, 126 bpm", {"genre": "house"}),
    ("  HOUSE!!!  ", {"genre": "house"}),
    ("trap “dark” — 140 bpm – C minor", {"tempo_bpm": 140, "key": "C", "mode": "minor"}),
    ("boom bap, swing 58%", {"swing_percent": 58.0}),
    ("straight boom bap", {"swing_percent": 50.0}),
]


def _fields(prompt: str, seed: int = 1) -> dict[str, Any]:
    from tapehand.engines.composing.engine import _full_brief
    from tapehand.engines.composing.planner import make_plan

    understood = understand(Brief(text=prompt), seed)
    plan = make_plan(understood, seed)
    fields = {field.name: field for field in _full_brief(understood, plan).fields}
    values = {name: field.value for name, field in fields.items()}
    return {**values, "not": " / ".join((*understood.notes, *plan.missing)), "fields": fields}


@pytest.mark.parametrize(("prompt", "wanted"), PROMPTS, ids=[prompt for prompt, _ in PROMPTS])
def test_what_is_said_is_understood(prompt: str, wanted: dict[str, Any]) -> None:
    found = _fields(prompt)
    for name, value in wanted.items():
        if name == "not":
            assert value in found["not"]
        elif isinstance(value, set):
            assert set(found[name]) == value
        else:
            assert found[name] == value, name


def test_nothing_is_said_to_be_missing_when_nothing_is() -> None:
    for prompt in (
        "dusty boom bap, 88 bpm, F minor, two minutes",
        "house with piano, no vocals",
        "dark trap with bells, instrumental",
    ):
        assert _fields(prompt)["not"] == ""


def test_every_field_says_where_it_comes_from() -> None:
    fields = _fields("dark trap, 140 bpm")["fields"]
    assert {
        "genre",
        "mood",
        "tempo_bpm",
        "key",
        "mode",
        "meter",
        "length_s",
        "form",
        "chords",
        "instruments",
        "excluded",
        "energy",
    } <= set(fields)
    assert fields["tempo_bpm"].origin == "said"
    assert fields["mode"].origin == "inferred"
    assert fields["key"].origin == "default"
    assert all(0.0 <= field.confidence <= 1.0 for field in fields.values())


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        ("", "brief.empty"),
        ("   \n ", "brief.empty"),
        ("asdf qwer zxcv", "brief.nothing_understood"),
        ("mix my vocals louder", "brief.nothing_understood"),
        ("trap at 20 bpm", "brief.tempo"),
        ("trap at 1000 bpm", "brief.tempo"),
        ("house, -5 bpm", "brief.tempo"),
        ("house, 20 minutes", "brief.length"),
        ("house, an hour", "brief.length"),
        ("house, 0 minutes", "brief.length"),
        ("boom bap, 2000 bars", "brief.length"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_sentence(prompt: str, code: str) -> None:
    with pytest.raises(InputError) as refused:
        understand(Brief(text=prompt), 1)
    assert refused.value.code == code
    assert refused.value.hint
    assert "\n" not in refused.value.sentence()


def test_fields_set_by_hand_win_over_words() -> None:
    brief = Brief(
        text="trap at 140 bpm in C minor",
        fields=(
            BriefField(name="tempo_bpm", value=100, origin="said"),
            BriefField(name="genre", value="house", origin="said"),
        ),
    )
    understood = understand(brief, 3)
    assert (understood.tempo_bpm, understood.genre.id) == (100.0, "house")
    with pytest.raises(InputError, match="genre"):
        understand(Brief(text="", fields=(BriefField(name="genre", value="polka", origin="said"),)), 1)


@pytest.mark.parametrize(
    "text",
    ["trap 140 \x1b[31m", "🔥 trap 🔥", "house" * 2000, "no no no no house", "trap, , , ;;; 140 bpm", "a\u202eb trap"],
)
def test_odd_text_is_read_without_harm(text: str) -> None:
    try:
        parse(text)
    except InputError as error:
        assert error.code == "brief.nothing_understood"  # noqa: PT017
