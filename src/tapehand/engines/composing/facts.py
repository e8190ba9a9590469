"""The hard facts of a prompt, read by patterns: tempo, key, metre, length, form, chords, swing.

Each reader takes its words out of the ``Page``, so that no word is read twice.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from tapehand.catalogue.loading import load
from tapehand.music.chord_symbols import chord_named, chord_of_numeral
from tapehand.music.key import Key
from tapehand.music.pitch import pitch_class
from tapehand.music.time import Metre

_NUMBER: Final = r"(?<![\w./:])(-?\d+(?:[.,]\d+)?)"
_BPM: Final = r"(?:bpm|b\.p\.m\.?|beats\s+(?:per|a)\s+minute)"
_MODE_WORDS: Final = {
    "major": "major", "maj": "major", "ionian": "major", "minor": "minor", "min": "minor", "aeolian": "minor",
    "natural minor": "minor", "harmonic minor": "harmonic minor", "melodic minor": "harmonic minor",
    "moll": "minor", "dur": "major", "mineur": "minor", "majeur": "major",
    "dorian": "dorian", "phrygian": "phrygian", "lydian": "lydian", "mixolydian": "mixolydian", "locrian": "locrian",
}  # fmt: skip
_MODES: Final = "|".join(sorted((word.replace(" ", r"\s+") for word in _MODE_WORDS), key=len, reverse=True))
_SIGN: Final = r"(?:\s?-?\s?(?:flat|sharp)\b|[#♯♭]|b(?![a-zA-Z]))"
_FULL_KEY: Final = re.compile(rf"(?<![\w#])([A-Ga-g])({_SIGN})?(?:\s*-?\s*)({_MODES})(?![\w])(?!\s*7)", re.IGNORECASE)
_SHORT_KEY: Final = re.compile(r"(?<![\w#])([A-G])([#b♯♭]?)m(?![\w])")
_TOLD_KEY: Final = re.compile(
    rf"\b(in|key\s+of|key\s*[:=]|key\s+is|tonic)\s+(?:the\s+key\s+of\s+)?([A-Ga-g])({_SIGN})?(m)?(?![\w'#])",
    re.IGNORECASE,
)
_LONE_MODE: Final = re.compile(rf"\b({_MODES})\b(?!\s+(?:label|hit|artist|league|7))", re.IGNORECASE)
_AFTER_ARTICLE: Final = re.compile(
    r"\s+(?:key|keys|chords?|feel|vibes?|touch|melod\w+|groove|mood|progression|tune|sound|scale|beat|track|song|loop|piano|tonality|mode)\b",
    re.IGNORECASE,
)
_CHORD: Final = (
    r"[A-G][#b♯♭]?(?:maj7|maj9|Maj7|M7|M9|min7|min9|min|mMaj7|m7b5|m11|m9|m7|m6|m|add9|madd9|dim7|dim|aug|sus2|sus4|7sus4"
    r"|sus|maj|6|7|9|11|13|Δ7?|ø7?|°7?|5)?(?:/[A-G][#b♯♭]?)?"
)
_NUMERAL: Final = r"[b#]?(?:VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(?:maj7|maj9|m7b5|dim7?|7|9|°)?"
_LINK: Final = r"(?:\s*(?:->|[-,>|])+\s*|\s+)"
LEAST_SWING_PERCENT: Final = 50.0
MOST_SWING_PERCENT: Final = 75.0
_STRONG_LINK: Final = r"\s*(?:->|[->|])+\s*"


@dataclass(slots=True)
class Page:
    """The text that is still unread. What a reader takes is blanked, so that places stay as they are."""

    text: str
    notes: list[str] = field(default_factory=list)

    def take(self, match: re.Match[str]) -> None:
        """Mark what ``match`` covers as read."""
        self.text = self.text[: match.start()] + " " * (match.end() - match.start()) + self.text[match.end() :]

    def take_all(self, pattern: str | re.Pattern[str]) -> list[re.Match[str]]:
        """Every match of a pattern, read."""
        compiled = re.compile(pattern, re.IGNORECASE) if isinstance(pattern, str) else pattern
        found = list(compiled.finditer(self.text))
        for match in found:
            self.take(match)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the patterns found; None and empty where nothing was said."""

    tempo_bpm: float | None = None
    tempo_confidence: float = 1.0
    tonic: str | None = None
    mode: str | None = None
    metre: Metre | None = None
    length_s: float | None = None
    length_bars: int | None = None
    length_confidence: float = 1.0
    form: tuple[tuple[str, int | None], ...] = ()
    section_bars: tuple[tuple[str, int], ...] = ()
    chords: tuple[str, ...] = ()
    swing_percent: float | None = None
    half_time: bool = False

    @property
    def any(self) -> bool:
        """Whether anything at all was found."""
        return self != Facts()


def read_facts(page: Page) -> Facts:
    """All hard facts of a page, contradictions noted on it."""
    chords = _chords(page)
    form, section_bars = _form(page)
    metre = _metre(page)
    swing = _swing(page)
    length_s, length_bars, length_confidence = _length(page)
    tempo, tempo_confidence = _tempo(page)
    tonic, mode = _key(page)
    half_time = bool(page.take_all(r"\bhalf[\s-]?time\b"))
    return Facts(
        tempo_bpm=tempo, tempo_confidence=tempo_confidence, tonic=tonic, mode=mode, metre=metre, length_s=length_s,
        length_bars=length_bars, length_confidence=length_confidence, form=form, section_bars=section_bars,
        chords=chords, swing_percent=swing, half_time=half_time,
    )  # fmt: skip


def chord_symbols_in(key: Key, written: tuple[str, ...]) -> tuple[str, ...]:
    """Chord symbols of letters or Roman numerals in a key."""
    symbols = []
    for symbol in written:
        chord = chord_named(symbol) if symbol[0] in "ABCDEFG" else chord_of_numeral(symbol, key)
        symbols.append(chord.symbol(flats=key.uses_flats))
    return tuple(symbols)


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _tempo(page: Page) -> tuple[float | None, float]:
    found: list[float] = []
    confidence = 1.0
    for match in page.take_all(rf"{_NUMBER}\s*(?:-|to|and)\s*(\d+(?:\.\d+)?)\s*-?\s*{_BPM}"):
        found.append(float(round((_number(match[1]) + _number(match[2])) / 2)))
        confidence = 0.8
    found += [_number(match[1]) for match in page.take_all(rf"{_NUMBER}\s*-?\s*{_BPM}")]
    found += [
        _number(match[1]) for match in page.take_all(rf"\b(?:bpm|tempo)\s*(?:of|is|=|:|at|around|about)?\s*{_NUMBER}")
    ]
    unit = r"(?![\d:/.])(?!\s*-?\s*(?:s\b|sec|min|bars?|hz|khz|db|lufs|%))"
    found += [
        _number(match[1]) for match in page.take_all(rf"(?:\bat|@|\baround|\babout)\s*(\d{{2,3}}(?:\.\d+)?){unit}")
    ]
    if not found:
        number = r"([6-9]\d|1\d\d|200)"  # nothing else is a likely tempo; "808" is left for the instruments
        bare = page.take_all(rf"(?<![\w.:/'#-]){number}{unit}(?![\w'])")
        found, confidence = [float(match[1]) for match in bare], 0.7
    values = list(dict.fromkeys(found))
    if len(values) > 1:
        said = " and ".join(f"{value:g}" for value in values)
        page.notes.append(f"several tempos were asked for ({said} BPM); {values[0]:g} is taken")
    return (values[0], confidence) if values else (None, 1.0)


def _key(page: Page) -> tuple[str | None, str | None]:
    found: list[tuple[str, str | None]] = []
    for match in list(_FULL_KEY.finditer(page.text)):
        letter, sign, mode = match.groups()
        mode = _MODE_WORDS[" ".join(mode.lower().split())]
        if letter == "a" and not sign and _AFTER_ARTICLE.match(page.text, match.end()):
            continue
        found.append((letter.upper() + _sign(sign), mode))
        page.take(match)
    for match in page.take_all(_SHORT_KEY):
        found.append((match[1] + match[2].replace("♯", "#").replace("♭", "b"), "minor"))
    for match in list(_TOLD_KEY.finditer(page.text)):
        how, letter, sign, minor = match.groups()
        if letter.islower() and not sign and not minor and (letter == "a" or how.lower() == "in"):
            continue
        if letter == "A" and not sign and not minor and re.match(r"\s+[a-z]", page.text[match.end() :]) and how == "in":
            continue
        found.append((letter.upper() + _sign(sign), "minor" if minor else None))
        page.take(match)
    lone = [_MODE_WORDS[" ".join(match[1].lower().split())] for match in page.take_all(_LONE_MODE)]
    keys = list(dict.fromkeys(found))
    if len({(pitch_class(tonic), mode) for tonic, mode in keys}) > 1:
        said = " and ".join(f"{tonic} {mode or ''}".strip() for tonic, mode in keys)
        page.notes.append(
            f"several keys were asked for ({said}); {keys[0][0]} {keys[0][1] or ''}".rstrip() + " is taken"
        )
    tonic, mode = keys[0] if keys else (None, None)
    if mode is None and lone:
        mode = lone[0]
    if not keys and len(set(lone)) > 1:
        page.notes.append(f"several modes were asked for ({' and '.join(lone)}); {lone[0]} is taken")
    return tonic, mode


def _sign(written: str | None) -> str:
    if not written:
        return ""
    plain = written.strip(" -").lower()
    return {"flat": "b", "sharp": "#", "♯": "#", "♭": "b"}.get(plain, plain)


def _metre(page: Page) -> Metre | None:
    found = [
        Metre(beats=int(match[1]), unit=int(match[2]))
        for match in page.take_all(r"(?<![\d/])([2-9]|1[0-5])\s*/\s*(2|4|8|16)(?![\d/])(?:\s*time)?")
    ]
    found += [Metre(beats=3, unit=4) for _ in page.take_all(r"\bwaltz(?:\s+time)?\b")]
    if len(set(found)) > 1:
        page.notes.append(f"several metres were asked for; {found[0]} is taken")
    return found[0] if found else None


def _swing(page: Page) -> float | None:
    for match in page.take_all(
        r"\b(\d{1,3})\s*%\s*(?:swing|shuffle)|\b(?:swing|shuffle)\s*(?:of|at|:|=)?\s*(\d{1,3})(?!\d)\s*%?"
    ):
        said = float(match[1] or match[2])
        taken = min(max(said, LEAST_SWING_PERCENT), MOST_SWING_PERCENT)
        if taken != said:
            least, most = LEAST_SWING_PERCENT, MOST_SWING_PERCENT
            page.notes.append(
                f"swing goes from {least:g} % (straight) to {most:g} %: {taken:g} % in place of {said:g} %"
            )
        return taken
    if page.take_all(r"\b(?:no\s+swing|straight(?:\s+(?:feel|time|groove|hats|sixteenths))?|unswung)\b"):
        return 50.0
    if page.take_all(r"\b(?:heavy|hard|heavily|strong)[\s-]+(?:swing|swung|shuffle)\b"):
        return 64.0
    return 58.0 if page.take_all(r"\b(?:swung|swinging|with\s+swing|shuffled?)\b") else None


def _length(page: Page) -> tuple[float | None, int | None, float]:
    seconds: list[float] = []
    confidence = 1.0
    for match in page.take_all(r"(?<![\d:])(?:(\d{1,2}):)?(\d{1,3}):([0-5]\d)(?![\d:])(?:\s*(?:min(?:utes)?|long))?"):
        seconds.append(int(match[1] or 0) * 3600 + int(match[2]) * 60 + int(match[3]))
    for match in page.take_all(
        r"(?<![\w.])(\d+)\s*(?:minutes?|mins?|m|')\s*(?:and\s+)?(\d{1,2})\s*(?:seconds?|secs?|s|\")?(?![\w.:/])"
    ):
        seconds.append(int(match[1]) * 60 + int(match[2]))
    for match in page.take_all(rf"{_NUMBER}\s*(?:-|to|or)\s*(\d+(?:\.\d+)?)\s*-?\s*(minutes?|mins?|seconds?|secs?)\b"):
        seconds.append((_number(match[1]) + _number(match[2])) / 2 * (60 if match[3].startswith("m") else 1))
        confidence = 0.7
    for match in page.take_all(rf"{_NUMBER}\s*-?\s*(hours?|hrs?|minutes?|mins?|seconds?|secs?)(?:\s*-?\s*long)?\b"):
        scale = {"h": 3600.0, "m": 60.0, "s": 1.0}[match[2][0].lower()]
        seconds.append(_number(match[1]) * scale)
    for match in list(re.finditer(r"(?<![\w'.])(\d{2,3})s\b", page.text)):
        if int(match[1]) not in range(50, 100, 10) and int(match[1]) not in (303, 606, 707, 808, 909):
            seconds.append(float(match[1]))
            page.take(match)
    bars = [int(match[1]) for match in page.take_all(r"(?<![\w.])(-?\d+)\s*-?\s*bars?(?:\s*-?\s*(?:long|loop))?\b")]
    if len(set(seconds)) > 1 or len(set(bars)) > 1 or (seconds and bars):
        first = f"{seconds[0]:g} s" if seconds else f"{bars[0]} bars"
        page.notes.append(f"several lengths were asked for; {first} is taken")
    return (seconds[0] if seconds else None), (bars[0] if bars and not seconds else None), confidence


def _form(page: Page) -> tuple[tuple[tuple[str, int | None], ...], tuple[tuple[str, int], ...]]:
    kinds = {word: kind for kind, row in load("form")["kinds"].items() for word in row["words"]}
    word = "|".join(re.escape(kind) for kind in sorted(kinds, key=len, reverse=True))
    one = rf"(?:{word})\b(?:\s*\(?\d{{1,3}}\)?(?!\s*(?:bpm|min|sec)))?"
    link = r"\s*(?:,\s*(?:then\s+)?|->|[->|/+]|\bthen\b|\band\b)\s*|\s+"
    for match in page.take_all(rf"(?:(?:form|structure|arrangement)\s*[:=]?\s*)?\b{one}(?:(?:{link}){one}){{2,}}"):
        parts = re.findall(rf"({word})\b\s*\(?(\d+)?\)?", match[0], re.IGNORECASE)
        return tuple((kinds[name.lower()], int(bars) if bars else None) for name, bars in parts), ()
    bars_of: dict[str, int] = {}
    for match in page.take_all(rf"(?<![\w.])(\d{{1,3}})\s*-?\s*bars?\s+(?:long\s+)?({word})\b"):
        bars_of[kinds[match[2].lower()]] = int(match[1])
    for match in page.take_all(rf"\b({word})\s*(?:of|is|:|=)?\s*(\d{{1,3}})\s*-?\s*bars?\b"):
        bars_of[kinds[match[1].lower()]] = int(match[2])
    return (), tuple((kind, bars) for kind, bars in bars_of.items() if bars > 0)


def _chords(page: Page) -> tuple[str, ...]:
    """Chords after the word chords, or as a list that can be nothing else."""
    spelled = rf"[A-G][#b♯♭]?\s+(?:minor|major|min|maj|m)(?:\s*(?:7|9))?|{_CHORD}|{_NUMERAL}"
    for pattern in (
        # The word may be written anyhow; the symbols after it may not: "a" is an article, "A" a chord.
        rf"\b(?:[Cc]hords?|[Pp]rogression|[Cc]hanges)\s*(?:are|is|of|like|:|=)?\s*"
        rf"((?:{spelled})(?:{_LINK}(?:{spelled}))*)(?![\w#])",
        rf"(?<![\w#/])((?:{_CHORD})(?:{_STRONG_LINK}(?:{_CHORD})){{1,}})(?![\w#])",
        rf"(?<![\w#/])((?:{_CHORD})(?:{_LINK}(?:{_CHORD})){{2,}})(?![\w#])",
        rf"(?<![\w#/])((?:{_NUMERAL})(?:{_STRONG_LINK}(?:{_NUMERAL})){{1,}})(?![\w#])",
        rf"(?<![\w#/])((?:{_NUMERAL})(?:\s+(?:{_NUMERAL})){{2,}})(?![\w#])",
    ):
        match = re.search(pattern, page.text)
        if match is not None:
            page.take(match)
            return tuple(_plain_chord(symbol) for symbol in re.findall(spelled, match[1]))
    return ()


def _plain_chord(symbol: str) -> str:
    """``F minor 7`` as ``Fm7``; an extension that is not known is left to the nearest below it."""
    plain = re.sub(r"\s*\b(?:minor|min)\b\s*", "m", re.sub(r"\s*\b(?:major|maj)\b\s+(?=7|9)", "maj", symbol))
    plain = re.sub(r"\s*\b(?:major|maj)\b\s*$", "", plain).replace(" ", "")
    return re.sub(r"(?<=[A-Gb#♯♭])11$", "9", plain)
