"""How far our confidence can be believed: ``python -m bench.listening.calibration [FIRST_SEED]``.

Every statement that listening makes of sounds whose truth is known is gathered with its confidence: of clean stems, of
stems and sessions with one planted fault at three severities, of generated sessions without names, of clips of known
harmony, of sung lines, and of real recordings as far as something about them is known for certain. What follows from a
planted fault, as its injector makes it, is right, too; everything else that is said of it is wrong. Seeds below 300 are
for setting figures.
"""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bench.listening import between, faults, form, harmony, parts
from bench.listening.clips import Clip, clip
from bench.listening.injectors import FAULTS, SEVERITIES
from bench.listening.scores import beat_f, key_points, within
from bench.listening.sessions import REAL, truth_of_names
from bench.listening.sources import RATE_HZ as CLIP_RATE_HZ
from bench.listening.stems import RATE_HZ, STEMS
from tapehand.audio import Audio, io
from tapehand.audio.resample import resample
from tapehand.listening.activity import activity
from tapehand.listening.arrivals import related_pairs
from tapehand.listening.bar_pictures import Line
from tapehand.listening.form import HeardSection, find_form
from tapehand.listening.harmony import Harmony, hear_tones
from tapehand.listening.intonation import intonation
from tapehand.listening.mic_pairs import mic_pairs
from tapehand.listening.notes import notes_of
from tapehand.listening.onsets import onsets
from tapehand.listening.pitch import PitchRange, track_pitch
from tapehand.listening.recording_faults import listen_closely
from tapehand.listening.recordings import ReadRecordings, compact_of
from tapehand.listening.rhythm import hear_rhythm
from tapehand.listening.roles import UNKNOWN, guess_role
from tapehand.listening.spectra import spectra
from tapehand.song.finding import Finding
from tapehand.testing.sessions import SessionPlan, generate_session

Signal = NDArray[np.float64]

FIRST_SEED: Final = 340
STEMS_A_CLASS: Final = 6
SONGS: Final = 5
CLIPS: Final = 30
SESSIONS: Final = 3
CONFIDENT, PERHAPS = 0.8, 0.5
LEVELS: Final = (("confident", CONFIDENT, 1.01), ("perhaps", PERHAPS, CONFIDENT), ("not sure", -0.01, PERHAPS))
# What a planted fault brings about by the way it is made, as far as that is not measured.
FOLLOWS: Final[Mapping[str, tuple[str, ...]]] = {
    "clipping": ("low_crest",),
    "missing take": ("dropouts", "clicks"),
    "dropouts": ("gap", "clicks"),
    "reverb": ("low_crest",),
    "noise floor": ("low_crest",),
    "low crest": ("noise_floor", "sibilance", "breaths"),
    "lossy source": ("upsampled",),
    "upsampled": ("lossy_source",),
    "phase flips": ("clicks", "anti_phase"),
    "fake stereo": ("anti_phase",),
}
WITHIN_CENTS: Final = 10.0
TUNED_WITHIN_CENTS: Final = 4.0
AUDIBLE: Final = 10 ** (-50 / 20)
COVERED_DB: Final = 3.0
COVERED_SHARE: Final = 0.4


@dataclass(frozen=True, slots=True)
class Said:
    """One statement, how sure it was, and whether it was right."""

    what: str
    confidence: float
    right: bool


# ---- findings


def _peak(sound: Signal) -> float:
    return float(np.abs(sound).max(initial=0.0))


def _is_over(sound: Signal, each: Finding) -> bool:
    return _peak(sound) > 1.0 or int((np.abs(sound) >= 0.999 * _peak(sound)).sum()) >= 3


def _is_cut(sound: Signal, each: Finding) -> bool:
    """Whether one side of the place is loud and the other a tenth of it; nothing lies outside a file."""
    around = np.pad(sound, ((0, 0), (500, 500)))
    sides = []
    for at_s in (each.start_s or 0.0, each.end_s or 0.0):
        at = min(round(at_s * RATE_HZ), sound.shape[1]) + 500
        sides += sorted((_peak(around[:, at - 400 : at - 40]), _peak(around[:, at + 40 : at + 400])))
    return any(loud >= AUDIBLE and quiet <= 0.1 * loud for quiet, loud in (sides[:2], sides[2:]))


# What the samples themselves say, measured here.
MEASURED: Final[Mapping[str, Callable[[Signal, Finding], bool]]] = {
    "clipping": _is_over,
    "cut_edge": _is_cut,
    "dc_offset": lambda sound, _: _peak(sound.mean(axis=1)) >= AUDIBLE,
    "dual_mono": lambda sound, _: _peak(sound[0] - sound[-1]) <= 10 ** (-40 / 20) * _peak(sound),
    "inter_sample": lambda sound, _: _peak(resample_poly(sound, 8, 1, axis=1)) > 1.0,
}


def inside(first_seed: int, count: int = STEMS_A_CLASS) -> Iterator[Said]:
    """Of single recordings: what is found on clean stems, and what a planted fault adds."""
    for label, fault in FAULTS.items():
        for number in range(count):
            name, seed = fault.stems[number % len(fault.stems)], first_seed + number // len(fault.stems)
            sound = faults.clean(name, seed, fault.length_s)
            usual = {each.kind for each in faults.findings_of(name, faults.heard_in(sound))}
            for severity in SEVERITIES:
                random = np.random.default_rng([first_seed, number, SEVERITIES.index(severity)])
                planted = fault.plant(random, sound, severity)
                for each in faults.findings_of(name, faults.heard_in(planted.sound)):
                    if each.kind in MEASURED and each.kind not in fault.kinds:
                        yield Said(each.kind, each.confidence, MEASURED[each.kind](planted.sound, each))
                    elif each.kind in fault.kinds:
                        yield Said(each.kind, each.confidence, faults.is_found(fault, planted, [each]))
                    elif each.kind in FOLLOWS.get(label, ()):
                        yield Said(each.kind, each.confidence, True)
                    elif each.kind not in usual:
                        yield Said(each.kind, each.confidence, False)
    for name in STEMS:
        for seed in range(first_seed, first_seed + 3):
            sound = faults.clean(name, seed)
            for each in faults.findings_of(name, faults.heard_in(sound)):
                yield Said(each.kind, each.confidence, each.kind in MEASURED and MEASURED[each.kind](sound, each))


def real() -> Iterator[Said]:
    """Of real recordings, as far as their samples say whether it is so."""
    for path in sorted(REAL.rglob("*.*")) if REAL.is_dir() else ():
        if path.suffix in (".wav", ".flac", ".mp3"):
            sound = resample(io.read(path), RATE_HZ)
            for each in listen_closely(sound).findings():
                if each.kind in MEASURED:
                    right = MEASURED[each.kind](sound.samples.astype(np.float64), each)
                    yield Said(each.kind, each.confidence, right)


def beside(first_seed: int, count: int = SONGS) -> Iterator[Said]:
    """Of sessions: the same, with tunings and lags that are told as facts."""
    for seed in range(first_seed, first_seed + count):
        song = between.clean(seed)
        usual, _ = between.questions(song.sounds, {}, song.song)
        yield from (_judged(each, song.sounds) for each in usual)
        known = {(each.kind, each.track) for each in usual}
        for number, plant in enumerate(between.PLANTINGS.values()):
            for severity in range(3):
                planted = plant(np.random.default_rng((seed, number, severity)), song, severity)
                found, _ = between.questions(planted.sounds, planted.roles, song.song)
                yield from (
                    _judged(each, planted.sounds, planted)
                    for each in found
                    if each.kind in planted.kinds or (each.kind, each.track) not in known
                )
                yield from _lags(planted)
        yield from _tunings(seed, song)


def _judged(each: Finding, sounds: Mapping[str, Signal], planted: between.Planted | None = None) -> Said:
    if each.kind == "masking":
        return Said(each.kind, each.confidence, _is_covered(each, sounds))
    return Said(each.kind, each.confidence, planted is not None and between.fits(planted, each))


def _is_covered(each: Finding, sounds: Mapping[str, Signal]) -> bool:
    """By the powers of half seconds in the bands that the question names."""
    words = each.question.split()
    by, low_hz = words[words.index("came") + 1], float(words[words.index("from") + 1])
    high_hz = float(words[words.index("Hz") - 1])
    covered, covering = (_powers(sounds[name], low_hz, high_hz) for name in (str(each.track), by))
    whole = _powers(sounds[str(each.track)], 0.0, 20_000.0)
    sounding = whole > 0.02 * whole.max()
    under = covering > 10.0 ** (COVERED_DB / 10.0) * covered
    return float(under[sounding].mean()) >= COVERED_SHARE


def _powers(sound: Signal, low_hz: float, high_hz: float) -> Signal:
    mono, width = np.atleast_2d(sound).mean(axis=0), parts.RATE_HZ // 2
    lines = np.abs(np.fft.rfft(mono[: mono.size // width * width].reshape(-1, width), axis=1)) ** 2
    powers: Signal = lines[:, int(low_hz / 2) : int(high_hz / 2)].sum(axis=1)
    return powers


# ---- facts of sessions


def _lags(planted: between.Planted) -> Iterator[Said]:
    if planted.measured and planted.value is not None:
        session = _session(planted.sounds)
        for pair in mic_pairs(session, related_pairs(session)):
            right = pair.track == "second" and abs(pair.lag.lag_samples - planted.value) <= planted.tolerance
            yield Said("lag of a microphone", pair.confidence, right)


def _session(sounds: Mapping[str, Signal]) -> ReadRecordings:
    made = {name: between.track(sound, between.ROLES.get(name, UNKNOWN)) for name, sound in sounds.items()}
    return ReadRecordings(rate_hz=parts.RATE_HZ, tracks=made)


def _tunings(seed: int, song: between.Clean) -> Iterator[Said]:
    """Of parts as a whole, two of them moved by known cents; then of every note of the sung line."""
    random = np.random.default_rng([seed, 77])
    cents = {name: float(random.uniform(-40, 40)) for name in ("guitar", "keys")}
    moved = {
        "guitar": parts.with_floor(random, parts.guitar(random, song.song, cents["guitar"])),
        "keys": parts.with_floor(random, parts.keys(random, song.song, cents["keys"])),
    }
    heard = intonation(_session(song.with_sound(**moved)))
    for name, truth in {**cents, "pad": 0.0, "bass": 0.0}.items():
        if (tuning := heard.parts.get(name)) is not None:
            off = abs((tuning.cents - truth + 50.0) % 100.0 - 50.0)
            yield Said("tuning of a part", tuning.confidence, off <= TUNED_WITHIN_CENTS)
    for name in ("kick", "snare", "hats"):
        if (tuning := heard.parts.get(name)) is not None:
            yield Said("tuning of a part", tuning.confidence, False)
    sound, notes = parts.voice_notes(random, song.song)
    yield from _sung(parts.with_floor(random, sound), notes)


def _sung(sound: Signal, truth: Sequence[tuple[float, float, float]]) -> Iterator[Said]:
    kept = compact_of(Audio.of(sound[np.newaxis], parts.RATE_HZ))
    for note in notes_of(track_pitch(kept.mono, PitchRange(low_hz=65.0, high_hz=1200.0))):
        middle_s = 0.5 * (note.start_s + note.end_s)
        true_hz = next((hz for start_s, end_s, hz in truth if start_s <= middle_s < end_s), None)
        off = 1200.0 if true_hz is None else abs(1200.0 * np.log2(note.centre_hz / true_hz))
        yield Said("note of a voice", note.confidence, bool(off <= WITHIN_CENTS))


def forms(first_seed: int, count: int = SESSIONS) -> Iterator[Said]:
    """Kinds of sections, from tracks and from the mix, bars given."""
    seeds = range(first_seed, first_seed + count)
    for known in (*form.sessions(seeds), *form.beats(seeds)):
        truth = [(known.bars_s[first - 1], known.bars_s[first - 1 + bars], kind) for kind, first, bars in known.truth]
        for lines in (known.tracks, [Line(role="rough_mix", compact=known.mix)]):
            for section in find_form(lines, known.bars_s):
                yield Said("section", section.confidence, _is_kind(section, truth))


def _is_kind(section: HeardSection, truth: Sequence[tuple[float, float, str]]) -> bool:
    overlap: dict[str, float] = defaultdict(float)
    for start_s, end_s, kind in truth:
        name = "hook" if kind in form.CHORUS else kind
        overlap[name] += max(0.0, min(end_s, section.end_s) - max(start_s, section.start_s))
    return max(overlap, key=lambda kind: overlap[kind]) == ("hook" if section.kind in form.CHORUS else section.kind)


def roles(first_seed: int, count: int = SESSIONS) -> Iterator[Said]:
    """By ear alone: of generated sessions, and of the real ones whose names say what they are."""
    for seed in range(first_seed, first_seed + count):
        with tempfile.TemporaryDirectory() as folder:
            stems = Path(folder) / "stems"
            plan = SessionPlan(seed=seed, tracks=16, length_s=40.0)
            for truth in generate_session(stems, plan).tracks:
                yield from _role(io.read(stems / f"{truth.name}.wav"), truth.role)
    for folder_path in sorted(path for path in REAL.iterdir() if path.is_dir()) if REAL.is_dir() else ():
        for path, role in truth_of_names(folder_path):
            yield from _role(io.read(path), role)


def _role(sound: Audio, truth: str) -> Iterator[Said]:
    guess = guess_role("", activity(sound), spectra(sound))
    if guess.role != UNKNOWN:
        yield Said("role by ear", guess.confidence, guess.role == truth)


# ---- facts of songs


def music(first_seed: int, count: int = CLIPS) -> Iterator[Said]:
    """Tempo, beats, bars, keys and chords of clips, from the mix."""
    for seed in range(first_seed, first_seed + count):
        played = clip(seed)
        kept = compact_of(Audio.of(np.asarray(played.mix)[np.newaxis], CLIP_RATE_HZ))
        heard = harmony.hear(played.mix, [played.mix])
        yield from _chords(played, heard)
        rhythm = hear_rhythm(onsets(kept), hear_tones([kept]).chroma)
        if rhythm is not None:
            yield Said("tempo", rhythm.tempo_confidence, within(rhythm.tempo_bpm, played.tempo_bpm))
            yield Said("beats", rhythm.beat_confidence, beat_f(played.beats_s, rhythm.beats_s) > 0.8)
            yield Said("bars", rhythm.bar_confidence, beat_f(played.downbeats_s, rhythm.downbeats_s) > 0.8)


def _chords(played: Clip, heard: Harmony) -> Iterator[Said]:
    for key in heard.keys:
        truth = harmony.reigning(played, 0.5 * (key.start_s + min(key.end_s, played.chords[-1].end_s)))
        points = key_points((key.key.tonic, key.key.mode), (truth.tonic, truth.mode))
        yield Said("key", key.confidence, points == 1.0)
    for chord in heard.chords:
        middle_s = 0.5 * (chord.start_s + chord.end_s)
        true = next((each for each in played.chords if each.start_s <= middle_s < each.end_s), None)
        if chord.chord is not None and true is not None and harmony.family(true.quality):
            alike = harmony.family(chord.chord.quality) == harmony.family(true.quality)
            yield Said("chord", chord.confidence, chord.chord.root == true.root and alike)


# ---- the page


def gathered(first_seed: int) -> dict[str, list[Said]]:
    """Everything that is said, findings and facts apart."""
    return {
        "findings": [*inside(first_seed), *real(), *beside(first_seed)],
        "facts": [*music(60 * first_seed), *forms(first_seed), *roles(first_seed)],
    }


def table(said: Mapping[str, Sequence[Said]]) -> list[str]:
    """A row for each kind, then all of them."""
    facts = {each.what for each in said["facts"]} | {"lag of a microphone", "tuning of a part", "note of a voice"}
    rows = ["| what | " + " | ".join(name for name, _, _ in LEVELS) + " |", "|---" * (1 + len(LEVELS)) + "|"]
    every = [each for group in said.values() for each in group]
    for title, chosen in (
        ("all findings", [each for each in every if each.what not in facts]),
        ("all facts", [each for each in every if each.what in facts]),
    ):
        rows.append(_row(f"**{title}**", chosen))
        kinds = sorted({each.what for each in chosen})
        rows += [_row(kind, [each for each in chosen if each.what == kind]) for kind in kinds]
    return rows


def _row(title: str, said: Iterable[Said]) -> str:
    cells = []
    for _, low, high in LEVELS:
        right = [each.right for each in said if low <= each.confidence < high]
        cells.append(f"{len(right)}: {np.mean(right):.3f}" if right else "–")
    return f"| {title} | {' | '.join(cells)} |"


def measure(first_seed: int = FIRST_SEED) -> str:
    """The section of the page."""
    return "\n".join(
        [
            "## Confidence",
            "How often something was said so surely, and how often it was right: of clean and of planted stems and"
            " sessions, of clips, lines and sessions of known truth, and of real tracks by their names.",
            "Confident is 0.8 and more, perhaps 0.5 and more. A note is right within 10 cents, the tuning of a part"
            " within 4, a lag within a sample, masking by an own measure.",
            "",
            *table(gathered(first_seed)),
        ]
    )


if __name__ == "__main__":
    print(measure(*(int(word) for word in sys.argv[1:])))
