"""From wishes to a full brief: what was not said is inferred from what was, or taken from the genre."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from tapehand.catalogue.loading import load
from tapehand.engines.composing.chance import dice, one_of, spread, weighted
from tapehand.engines.composing.facts import Facts, chord_symbols_in
from tapehand.engines.composing.genre import Genre, genre_named
from tapehand.engines.composing.parse import Sound, Wishes, parse
from tapehand.errors import InputError
from tapehand.music.chord_symbols import chord_named
from tapehand.music.key import MODES, Key
from tapehand.music.pitch import pitch_class, pitch_class_name
from tapehand.music.time import Metre
from tapehand.song.brief import Brief, BriefField, FieldOrigin, FieldValue

SLOWEST_BPM: Final = 30.0
FASTEST_BPM: Final = 300.0
LONGEST_S: Final = 900.0
_DEFAULT_GENRE: Final = "boom_bap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A value with where it came from."""

    value: FieldValue
    origin: FieldOrigin
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A brief that can be played: everything decided that the words decide, the rest settled by genre, mood and seed.

    ``fields`` holds the same for people; ``bars`` is the whole length.
    """

    text: str
    genre: Genre
    tempo_bpm: float
    key: Key
    tonic_name: str
    metre: Metre
    bars: int
    energy: float
    swing_percent: float
    chords: tuple[str, ...]
    moods: tuple[str, ...]
    wishes: Wishes
    fields: Mapping[str, Asked]
    notes: tuple[str, ...]

    def as_brief(self, **more: Asked) -> Brief:
        """The brief for people and for the log, with further fields."""
        fields = {**self.fields, **more}
        return Brief(
            text=self.text,
            fields=tuple(
                BriefField(name=name, value=asked.value, origin=asked.origin, confidence=round(asked.confidence, 2))
                for name, asked in fields.items()
            ),
        )


def understand(brief: Brief, seed: int) -> Understood:
    """A full brief from words and from fields that were set by hand (those win).

    Raises
    ------
    InputError : empty or meaningless words, a tempo or length out of range, an unknown genre, key or metre.
    """
    wishes = _with_fields(_wishes(brief), brief)
    facts, notes = wishes.facts, list(wishes.notes)
    genre_id, genre_asked = _genre(wishes)
    genre = genre_named(genre_id)
    tempo = _tempo(wishes, genre, seed, genre_asked.confidence)
    _check_tempo(float(str(tempo.value)))
    key, tonic_name, key_asked, mode_asked = _key(wishes, genre, seed)
    metre = facts.metre or Metre()
    if metre != Metre():
        notes.append(f"the patterns were written for 4/4; in {metre} they are cut or lengthened to the bar")
    tempo_bpm = float(str(tempo.value))
    bars, length = _length(facts, genre, tempo_bpm, metre)
    notes += _cut_form(facts, bars)
    energy = _energy(wishes, genre)
    swing, swing_asked = _swing(facts, genre, seed)
    chords, chords_asked = _chords(facts, key)
    if chords_asked:
        notes += _clashes(chords, key)
    fields = {
        "genre": genre_asked,
        "mood": Asked(
            value=wishes.moods, origin="said" if wishes.moods else "default", confidence=0.9 if wishes.moods else 0.3
        ),
        "tempo_bpm": tempo,
        "key": key_asked,
        "mode": mode_asked,
        "meter": Asked(
            value=str(metre), origin="said" if facts.metre else "default", confidence=1.0 if facts.metre else 0.9
        ),
        "length_s": length,
        **({"chords": chords_asked} if chords_asked else {}),
        "excluded": _excluded(wishes),
        "energy": energy,
        "swing_percent": swing_asked,
    }
    return Understood(
        text=brief.text, genre=genre, tempo_bpm=tempo_bpm, key=key, tonic_name=tonic_name, metre=metre, bars=bars,
        energy=float(str(energy.value)), swing_percent=swing, chords=chords, moods=wishes.moods, wishes=wishes,
        fields=fields, notes=tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _wishes(brief: Brief) -> Wishes:
    by_hand = any(field.name in ("genre", "tempo_bpm", "key", "mood") and field.value for field in brief.fields)
    if not brief.text.strip() and by_hand:
        return Wishes(facts=Facts())
    return parse(brief.text)


def _with_fields(wishes: Wishes, brief: Brief) -> Wishes:
    """Wishes with the fields that were set by hand in place of the words."""
    facts = wishes.facts
    values = {field.name: field.value for field in brief.fields if field.value is not None}
    if "tempo_bpm" in values:
        facts = replace(facts, tempo_bpm=_as_number(values["tempo_bpm"], "tempo_bpm"), tempo_confidence=1.0)
    if "length_s" in values:
        facts = replace(facts, length_s=_as_number(values["length_s"], "length_s"), length_bars=None)
    if "key" in values:
        facts = replace(facts, tonic=_tonic(str(values["key"])))
    if "mode" in values:
        if values["mode"] not in MODES:
            raise InputError("brief.mode", f"{values['mode']!r} is no mode", hint=f"There are {', '.join(MODES)}.")
        facts = replace(facts, mode=str(values["mode"]))
    if "meter" in values:
        facts = replace(facts, metre=_metre(str(values["meter"])))
    wishes = replace(wishes, facts=facts)
    return replace(wishes, genre=_genre_id(str(values["genre"])), genre_confidence=1.0) if "genre" in values else wishes


def _as_number(value: FieldValue, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("brief.number", f"{name} must be a number, not {value!r}")
    return float(value)


def _tonic(name: str) -> str:
    try:
        pitch_class(name)
    except ValueError as error:
        raise InputError("brief.key", f"{name!r} is no key", hint='For example "F" or "Bb".') from error
    return name


def _metre(text: str) -> Metre:
    beats, _, unit = text.partition("/")
    if not beats.isdigit() or unit not in ("2", "4", "8", "16") or not 2 <= int(beats) <= 15:
        raise InputError("brief.meter", f"{text!r} is no metre", hint='For example "4/4" or "6/8".')
    return Metre(beats=int(beats), unit=int(unit))


def _genre_id(name: str) -> str:
    built: Mapping[str, Any] = load("lexicon")["genres"]
    for identity, row in built.items():
        if name in (identity, row["name"]):
            return identity
    names = ", ".join(row["name"] for row in built.values())
    raise InputError("brief.genre", f"The genre {name!r} is not built yet", hint=f"There are {names}.")


def _genre(wishes: Wishes) -> tuple[str, Asked]:
    """The genre said; else what moods, sounds and tempo vote for; else the default."""
    names: Mapping[str, Any] = load("lexicon")["genres"]
    if wishes.genre is not None:
        said = wishes.genre_confidence > 0.5
        asked = Asked(
            value=names[wishes.genre]["name"], origin="said" if said else "inferred", confidence=wishes.genre_confidence
        )
        return wishes.genre, asked
    votes: dict[str, float] = {}
    for mood in wishes.moods:
        for genre_id, vote in load("moods")["moods"][mood]["genres"].items():
            votes[genre_id] = votes.get(genre_id, 0.0) + vote
    for genre_id in names:
        genre = genre_named(genre_id)
        if (
            wishes.facts.tempo_bpm is not None
            and genre.tempo_bpm[0] - 3 <= wishes.facts.tempo_bpm <= genre.tempo_bpm[1] + 3
        ):
            votes[genre_id] = votes.get(genre_id, 0.0) + 2.5
        own = sum(1 for sound in wishes.sounds for part in genre.parts if sound.patch in part.patches)
        votes[genre_id] = votes.get(genre_id, 0.0) + 0.8 * own
    best = max(votes, key=lambda genre_id: (votes[genre_id], genre_id == _DEFAULT_GENRE))
    if votes[best] == 0.0:
        return _DEFAULT_GENRE, Asked(value=names[_DEFAULT_GENRE]["name"], origin="default", confidence=0.2)
    return best, Asked(value=names[best]["name"], origin="inferred", confidence=0.5)


def _pull(wishes: Wishes, what: str) -> float:
    """Where the moods pull, -1..1."""
    moods: Mapping[str, Any] = load("moods")["moods"]
    pulls = [float(moods[mood][what]) for mood in wishes.moods] + [
        -0.5 * float(moods[mood][what]) for mood in wishes.unmoods
    ]
    return sum(pulls) / len(pulls) if pulls else 0.0


def _tempo(wishes: Wishes, genre: Genre, seed: int, genre_confidence: float) -> Asked:
    said = wishes.facts.tempo_bpm
    if said is not None:
        value = int(said) if said == int(said) else said
        return Asked(value=value, origin="said", confidence=wishes.facts.tempo_confidence)
    low, high = genre.tempo_bpm
    place = 0.5 + 0.42 * _pull(wishes, "tempo") + spread(dice(seed, "tempo"), 0.14)
    value = round(low + (high - low) * min(max(place, 0.0), 1.0))
    guessed = wishes.genre is not None or bool(wishes.moods)
    return Asked(value=value, origin="inferred" if guessed else "default", confidence=0.6 * genre_confidence + 0.1)


def _check_tempo(tempo_bpm: float) -> None:
    if not SLOWEST_BPM <= tempo_bpm <= FASTEST_BPM:
        raise InputError(
            "brief.tempo",
            f"{tempo_bpm:g} BPM is outside what a beat can be played at",
            hint=f"Ask for {SLOWEST_BPM:g} to {FASTEST_BPM:g} BPM.",
        )


def _key(wishes: Wishes, genre: Genre, seed: int) -> tuple[Key, str, Asked, Asked]:
    facts = wishes.facts
    roots = [pitch_class(s[:2] if s[1:2] in "#b♯♭" and len(s) > 1 else s[0]) for s in facts.chords if s[0] in "ABCDEFG"]
    if facts.tonic is None and facts.mode is None and roots:
        key = _key_of_chords([chord_named(symbol).pitch_classes for symbol in facts.chords], roots)
        name = pitch_class_name(key.tonic, flats=key.uses_flats)
        asked = Asked(value=name, origin="inferred", confidence=0.7)
        return key, name, asked, Asked(value=key.mode, origin="inferred", confidence=0.7)
    mode, mode_asked = _mode(wishes, genre, seed)
    if facts.tonic is not None:
        return (
            Key.named(facts.tonic, mode),
            facts.tonic,
            Asked(value=facts.tonic, origin="said", confidence=1.0),
            mode_asked,
        )
    key = Key(tonic=one_of(dice(seed, "tonic"), genre.tonics), mode=mode)
    name = pitch_class_name(key.tonic, flats=key.uses_flats)
    return key, name, Asked(value=name, origin="default", confidence=0.3), mode_asked


def _mode(wishes: Wishes, genre: Genre, seed: int) -> tuple[str, Asked]:
    said = wishes.facts.mode
    if said is not None:
        return said, Asked(value=said, origin="said", confidence=1.0)
    pull = _pull(wishes, "minor")
    if wishes.facts.tonic is not None and pull <= 0.25:
        return "major", Asked(value="major", origin="inferred", confidence=0.7)
    if pull <= -0.25:
        return "major", Asked(value="major", origin="inferred", confidence=0.6)
    if pull >= 0.5:
        return "minor", Asked(value="minor", origin="inferred", confidence=0.7)
    mode = weighted(dice(seed, "mode"), genre.modes)
    return mode, Asked(value=mode, origin="default", confidence=0.4)


def _key_of_chords(chords: list[tuple[int, ...]], roots: list[int]) -> Key:
    """The major or minor key that holds most tones of the chords; it begins there, or else comes home there."""
    keys = [Key(tonic=tonic, mode=mode) for mode in ("minor", "major") for tonic in range(12)]

    def fit(key: Key) -> tuple[int, bool, bool, bool]:
        inside = sum(tone in key.pitch_classes for chord in chords for tone in chord)
        third = (key.tonic + key.steps[2]) % 12
        begins, ends = (
            root == key.tonic and third in chord for root, chord in ((roots[0], chords[0]), (roots[-1], chords[-1]))
        )
        return inside, begins, ends, key.tonic == roots[0]

    return max(keys, key=fit)


def _length(facts: Facts, genre: Genre, tempo_bpm: float, metre: Metre) -> tuple[int, Asked]:
    bar_s = metre.bar_ticks / 960 * 60.0 / tempo_bpm
    if facts.form and all(bars for _, bars in facts.form):
        bars = sum(bars or 0 for _, bars in facts.form)
        if facts.length_s is None and facts.length_bars is None:
            _check_length(bars * bar_s)
            return bars, Asked(value=round(bars * bar_s, 3), origin="said", confidence=0.9)
    if facts.length_bars is not None:
        _check_length(facts.length_bars * bar_s)
        return facts.length_bars, Asked(value=round(facts.length_bars * bar_s, 3), origin="said", confidence=1.0)
    said = facts.length_s is not None
    length_s = facts.length_s if facts.length_s is not None else genre.length_s
    _check_length(length_s)
    bars = max(1, round(length_s / bar_s))
    if not said and bars > 8:
        bars = round(bars / 4) * 4
        length_s = bars * bar_s
    value = int(length_s) if length_s == int(length_s) else round(length_s, 3)
    return bars, Asked(
        value=value, origin="said" if said else "default", confidence=facts.length_confidence if said else 0.4
    )


def _cut_form(facts: Facts, bars: int) -> list[str]:
    """A form that was spelled out and does not fill the length that was asked for as well."""
    asked = sum(length or 0 for _, length in facts.form)
    if asked == bars or not facts.form or not all(length for _, length in facts.form):
        return []
    return [f"the sections asked for make {asked} bars and the length asked for makes {bars}; the length is kept"]


def _check_length(length_s: float) -> None:
    if not 0.0 < length_s <= LONGEST_S:
        minutes = f"{length_s / 60:g} minutes" if abs(length_s) >= 60 else f"{length_s:g} seconds"
        raise InputError(
            "brief.length", f"{minutes} is no length a beat can have", hint=f"Ask for up to {LONGEST_S / 60:g} minutes."
        )


def _energy(wishes: Wishes, genre: Genre) -> Asked:
    moods: Mapping[str, Any] = load("moods")["moods"]
    values = [float(moods[mood]["energy"]) for mood in wishes.moods]
    if not values:
        return Asked(value=genre.energy, origin="default", confidence=0.4)
    return Asked(value=round(sum(values) / len(values), 2), origin="inferred", confidence=0.6)


def _swing(facts: Facts, genre: Genre, seed: int) -> tuple[float, Asked]:
    if facts.swing_percent is not None:
        return facts.swing_percent, Asked(value=facts.swing_percent, origin="said", confidence=0.9)
    low, high = genre.swing_percent
    value = round(low + (high - low) * dice(seed, "swing").random(), 1)
    return value, Asked(value=value, origin="default", confidence=0.5)


def _chords(facts: Facts, key: Key) -> tuple[tuple[str, ...], Asked | None]:
    if not facts.chords:
        return (), None
    try:
        symbols = chord_symbols_in(key, facts.chords)
    except ValueError as error:
        raise InputError(
            "brief.chord", f"A chord cannot be read: {error}", hint="Write them as Fm9 - Db - Eb7."
        ) from error
    return symbols, Asked(value=symbols, origin="said", confidence=1.0)


def _clashes(chords: tuple[str, ...], key: Key) -> list[str]:
    outside = [s for s in dict.fromkeys(chords) if not set(chord_named(s).pitch_classes) <= set(key.pitch_classes)]
    if not outside:
        return []
    return [f"{', '.join(outside)} hold{'s' if len(outside) == 1 else ''} tones outside {key}; played as asked"]


def _excluded(wishes: Wishes) -> Asked:
    words = wishes.excluded_words
    return Asked(value=words, origin="said" if words else "default", confidence=1.0)


def excluded_pieces(sounds: tuple[Sound, ...]) -> frozenset[int]:
    """Drum pitches that were excluded by name."""
    return frozenset(sound.piece for sound in sounds if sound.piece is not None)
