"""What a track is: its name first, its sound second and cautiously, ``unknown`` third."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tapehand.catalogue.loading import load
from tapehand.listening.activity import Activity
from tapehand.listening.names import Side, read_name
from tapehand.listening.spectra import Spectra

UNKNOWN: Final = "unknown"
ASK_BELOW: Final = 0.7
MOST_BY_SOUND: Final = 0.6
_FEATURES: Final = ("low", "high", "onsets", "crest", "tonality", "side_to_mid")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGuess:
    """A role with how far to believe it, and why.

    Parameters
    ----------
    confidence : 0..1; below 0.7 a person should be asked.
    told_by : what the guess rests on.
    why : in plain words.
    side : left or right where the name says so.
    """

    role: str
    group: str
    confidence: float
    told_by: Literal["name", "sound", "nothing"]
    why: str
    side: Side | None = None

    @property
    def asks(self) -> bool:
        """Whether a person should be asked."""
        return self.confidence < ASK_BELOW


def group_of(role: str) -> str:
    """The group of a role of ``catalogue/roles.toml``; ``"other"`` for a role that is not there."""
    facts = load("roles")["roles"].get(role)
    return str(facts["group"]) if facts else "other"


def guess_role(name: str, activity: Activity | None = None, spectra: Spectra | None = None) -> RoleGuess:
    """The role of a track of that name; its sound is asked only where the name says nothing or only hints."""
    reading = read_name(name)
    by_name = _by_name(reading.role, reading.confidence, reading.word, reading.side)
    if activity is None or spectra is None or activity.is_silent or not by_name.asks:
        return by_name
    by_sound = _by_sound(activity, spectra, reading.side)
    return by_sound if by_sound.confidence > by_name.confidence else by_name


def sound_features(activity: Activity, spectra: Spectra) -> Mapping[str, float]:
    """The few figures that the cautious rules of ``catalogue/roles.toml`` speak of."""
    side_to_mid_db = activity.sums.side_to_mid_db
    return {
        "low": spectra.share_between(0.0, 150.0),
        "high": spectra.share_between(4000.0, 30_000.0),
        "onsets": activity.onsets_per_s,
        "crest": activity.crest_db,
        "tonality": spectra.tonality,
        "side_to_mid": -120.0 if side_to_mid_db is None else max(-120.0, side_to_mid_db),
    }


def _by_name(role: str | None, confidence: float, word: str, side: Side | None) -> RoleGuess:
    if role is None:
        return RoleGuess(
            role=UNKNOWN,
            group=group_of(UNKNOWN),
            confidence=0.0,
            told_by="nothing",
            why="its name says nothing",
            side=side,
        )
    why = f'its name says "{word}"'
    return RoleGuess(role=role, group=group_of(role), confidence=confidence, told_by="name", why=why, side=side)


def _by_sound(activity: Activity, spectra: Spectra, side: Side | None) -> RoleGuess:
    features = sound_features(activity, spectra)
    for rule in load("roles")["by_sound"]:
        if _fits(rule, features):
            role, confidence = rule["role"], min(rule["confidence"], MOST_BY_SOUND)
            why = _words(rule, features)
            return RoleGuess(
                role=role, group=group_of(role), confidence=confidence, told_by="sound", why=why, side=side
            )
    why = "neither name nor sound says enough"
    return RoleGuess(role=UNKNOWN, group=group_of(UNKNOWN), confidence=0.0, told_by="nothing", why=why, side=side)


def _fits(rule: Mapping[str, Any], features: Mapping[str, float]) -> bool:
    return all(rule[name][0] <= features[name] <= rule[name][1] for name in _FEATURES if name in rule)


def _words(rule: Mapping[str, Any], features: Mapping[str, float]) -> str:
    spoken = {
        "low": f"{features['low']:.0%} of it lies below 150 Hz",
        "high": f"{features['high']:.0%} of it lies above 4 kHz",
        "onsets": f"{features['onsets']:.1f} onsets a second",
        "crest": f"peaks {features['crest']:.0f} dB over its level",
        "tonality": "clear pitches" if features["tonality"] > 0.8 else "no clear pitch",
        "side_to_mid": "wide",
    }
    return "by its sound alone: " + ", ".join(spoken[name] for name in _FEATURES if name in rule)
