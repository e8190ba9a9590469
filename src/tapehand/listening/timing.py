"""Who is together with whom: layers that hit at once, the bass and the kick, and each part against the bars.

What is tight is measured strictly, since nobody plays so: from 8 ms on. What was played has a feel; it is asked about
from 20 ms on. Each statement needs many hits that agree, and names how many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tapehand.catalogue.loading import load
from tapehand.listening.attacks import attack_times_s, rise_s
from tapehand.listening.kinds import clock_time, counted, finding, limit, threshold
from tapehand.listening.mic_pairs import KEEPS_ITS_DISTANCE
from tapehand.listening.recordings import Recordings
from tapehand.listening.roles import group_of
from tapehand.song.finding import Finding

Series = NDArray[np.float64]

MS: Final = 1000.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Together:
    """Hits of two tracks that belong together.

    Parameters
    ----------
    first_s : times in the first track.
    late_s : by how much the second is late at each.
    share : of the hits of the track that has fewer.
    """

    first_s: Series
    late_s: Series
    share: float

    @property
    def median_ms(self) -> float:
        """By how much the second is late (negative: early)."""
        return float(np.median(self.late_s)) * MS if self.late_s.size else 0.0

    @property
    def about_ms(self) -> Series:
        """By how much each is later than that."""
        about: Series = self.late_s * MS - self.median_ms
        return about

    @property
    def spread_ms(self) -> float:
        """Median distance from that."""
        return float(np.median(np.abs(self.about_ms))) if self.late_s.size else 0.0


def settings() -> Mapping[str, Any]:
    """The figures of ``catalogue/between.toml`` for timing."""
    figures: Mapping[str, Any] = load("between")["timing"]
    return figures


def timing_findings(recordings: Recordings, beats_s: Sequence[float] = ()) -> tuple[Finding, ...]:
    """Questions about who is not together; ``beats_s`` are the song's beats where they are known with confidence."""
    groups = settings()["struck_groups"]
    struck = [
        name
        for name in recordings.names
        if group_of(recordings.role(name)) in groups and recordings.role(name) not in KEEPS_ITS_DISTANCE
    ]
    attacks = {name: attack_times_s(recordings.compact(name)) for name in struck}
    attacks = {
        name: times
        for name, times in attacks.items()
        if times.size >= settings()["fewest_hits"]
        and rise_s(recordings.compact(name), times) <= settings()["longest_rise_ms"] / MS
    }
    beside = [*_pocket(recordings, attacks), *_layers(recordings, attacks)]
    told = {each.track for each in beside}
    grid = _against_the_beats(attacks, np.asarray(beats_s, dtype=np.float64))
    return (*beside, *(each for each in grid if each.kind != "beside_the_beats" or each.track not in told))


def together(first_s: Series, second_s: Series) -> Together:
    """Hits that are each other's nearest within a reach in which nobody hears two."""
    if not first_s.size or not second_s.size:
        return Together(first_s=np.zeros(0), late_s=np.zeros(0), share=0.0)
    nearest = _nearest(first_s, second_s)
    back = _nearest(second_s, first_s)
    late = second_s[nearest] - first_s
    mutual = (back[nearest] == np.arange(first_s.size)) & (np.abs(late) <= settings()["reach_ms"] / MS)
    share = float(mutual.sum()) / min(first_s.size, second_s.size)
    return Together(first_s=first_s[mutual], late_s=late[mutual], share=share)


def _nearest(times_s: Series, among_s: Series) -> NDArray[np.int64]:
    """For each time the number of the nearest among others."""
    after = np.clip(np.searchsorted(among_s, times_s), 1, max(among_s.size - 1, 1))
    if among_s.size == 1:
        return np.zeros(times_s.size, dtype=np.int64)
    closer = times_s - among_s[after - 1] <= among_s[after] - times_s
    nearest: NDArray[np.int64] = (after - closer).astype(np.int64)
    return nearest


def _pocket(recordings: Recordings, attacks: Mapping[str, Series]) -> list[Finding]:
    """Each bass against the kick that it has most hits with."""
    kicks = [name for name in attacks if recordings.role(name) == "kick"]
    found = []
    for bass in (name for name in attacks if group_of(recordings.role(name)) == "bass"):
        pairs = [(together(attacks[kick], attacks[bass]), kick) for kick in kicks]
        pair, kick = max(pairs, key=lambda each: each[0].late_s.size, default=(None, ""))
        if pair is None or pair.late_s.size < settings()["fewest_hits"] or pair.share < settings()["pocket_share"]:
            continue
        least_ms = _least_ms(pair.spread_ms)
        if abs(pair.median_ms) >= least_ms and pair.spread_ms <= 0.5 * abs(pair.median_ms):
            found.append(_apart("pocket", bass, kick, pair, least_ms))
    return found


def _layers(recordings: Recordings, attacks: Mapping[str, Series]) -> list[Finding]:
    """Tracks of one role that strike at once nearly always, and always as far apart; each is told once."""
    found: dict[str, tuple[float, Finding]] = {}
    names = list(attacks)
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            if recordings.role(first) != recordings.role(second):
                continue
            pair = together(attacks[first], attacks[second])
            tight = pair.spread_ms <= settings()["tight_ms"]
            if pair.late_s.size < settings()["fewest_hits"] or pair.share < settings()["layer_share"] or not tight:
                continue
            if abs(pair.median_ms) < threshold("layers_apart"):
                continue
            if second not in found or pair.share > found[second][0]:
                found[second] = pair.share, _apart("layers_apart", second, first, pair, threshold("layers_apart"))
    return [question for _, question in found.values()]


def _least_ms(spread_ms: float) -> float:
    return float(settings()["least_tight_ms"] if spread_ms <= settings()["tight_ms"] else settings()["least_played_ms"])


def _apart(kind: str, track: str, partner: str, pair: Together, least_ms: float) -> Finding:
    typical = int(np.abs(pair.about_ms).argmin())
    return finding(
        kind,
        track=track,
        path=None,
        value=pair.median_ms,
        threshold=least_ms,
        start_s=float(pair.first_s[typical]),
        confidence=_confidence(pair),
        partner=partner,
        late=f"{abs(pair.median_ms):.0f} ms {'behind' if pair.median_ms > 0 else 'ahead of'}",
        hits=counted(pair.late_s.size, "hit"),
        spread=f"{pair.spread_ms:.0f}",
    )


def _confidence(pair: Together) -> float:
    many = min(1.0, pair.late_s.size / 40.0)
    steady = 1.0 / (1.0 + (pair.spread_ms / max(abs(pair.median_ms), 1.0)) ** 2)
    return min(0.95, (0.6 + 0.4 * many) * steady)


def _against_the_beats(attacks: Mapping[str, Series], beats_s: Series) -> list[Finding]:
    if beats_s.size < settings()["fewest_beats"]:
        return []
    placed = {name: _off_lines(times, beats_s) for name, times in attacks.items()}
    placed = {name: pair for name, pair in placed.items() if pair.late_s.size >= settings()["fewest_hits"]}
    if not placed:
        return []
    # Beats that were heard have an offset of their own: what all parts share is no part's.
    common_ms = float(np.median([pair.median_ms for pair in placed.values()])) if len(placed) > 2 else 0.0
    found = []
    for name, pair in placed.items():
        own = replace(pair, late_s=pair.late_s - common_ms / MS)
        others = [other for other_name, other in placed.items() if other_name != name]
        found += [each for each in (_beside_the_beats(name, own), _loose(name, own, others)) if each is not None]
    return found


def _off_lines(times_s: Series, beats_s: Series) -> Together:
    """Distance of each hit from the nearest line, of 3 or 4 to a beat, whichever fits better."""
    inside = times_s[(times_s >= beats_s[0] - 0.1) & (times_s <= beats_s[-1] + 0.1)]
    best: Together | None = None
    for parts in (4, 3):
        places = np.arange((beats_s.size - 1) * parts + 1) / parts
        lines = np.interp(places, np.arange(beats_s.size), beats_s)
        pair = Together(first_s=inside, late_s=inside - lines[_nearest(inside, lines)], share=1.0)
        if best is None or pair.spread_ms < settings()["triplets_spread"] * best.spread_ms:
            best = pair
    return best if best is not None else together(times_s, times_s)


def _beside_the_beats(name: str, pair: Together) -> Finding | None:
    least_ms = _least_ms(pair.spread_ms)
    if abs(pair.median_ms) < least_ms or pair.spread_ms > 0.5 * abs(pair.median_ms):
        return None
    return _apart("beside_the_beats", name, "the beats", pair, least_ms)


def _loose(name: str, pair: Together, others: Sequence[Together]) -> Finding | None:
    """Single hits far from where this part puts its others, and from where the other parts are at that moment."""
    least_ms = max(threshold("loose_hits"), limit("loose_hits", "spreads") * pair.spread_ms)
    about_ms = pair.about_ms
    # What lies half-way to the next line is an ornament.
    far = np.flatnonzero((np.abs(about_ms) >= least_ms) & (np.abs(about_ms) <= limit("loose_hits", "most_ms")))
    loose = np.array([at for at in far.tolist() if _stands_alone(pair, at) and not _shared(pair, at, others)])
    loose = loose.astype(np.int64)
    if not loose.size or loose.size > limit("loose_hits", "most_share") * about_ms.size:
        return None
    worst = loose[np.argsort(-np.abs(about_ms[loose]), kind="stable")[:3]]
    named = ", ".join(
        f"{clock_time(float(pair.first_s[at]))} {abs(about_ms[at]):.0f} ms {'late' if about_ms[at] > 0 else 'early'}"
        for at in sorted(worst.tolist())
    )
    question = finding(
        "loose_hits",
        track=name,
        path=None,
        value=float(about_ms[worst[0]]),
        threshold=least_ms,
        start_s=float(pair.first_s[loose[0]]),
        confidence=min(0.9, 0.5 + 0.1 * abs(float(about_ms[worst[0]])) / max(pair.spread_ms, 1.0)),
        count=counted(loose.size, "hit"),
        of=about_ms.size,
        named=named,
    )
    asked = abs(about_ms[worst[0]]) >= limit("loose_hits", "asked_ms")
    return question if asked else replace(question, severity="note")


def _stands_alone(pair: Together, at: int) -> bool:
    """Whether it belongs to no fill, roll or flam."""
    gaps_s = np.diff(pair.first_s)[max(0, at - 1) : at + 1]
    return bool((gaps_s >= settings()["alone_s"]).all())


def _shared(pair: Together, at: int, others: Sequence[Together]) -> bool:
    """Whether the other parts are late or early there, too: then it is the beat that moves, not the hit."""
    near_s = settings()["shared_within_s"]
    beside = [
        amount
        for other in others
        for amount in other.about_ms[np.abs(other.first_s - pair.first_s[at]) <= near_s].tolist()
    ]
    mine = float(pair.about_ms[at])
    return bool(beside) and float(np.median(beside)) * mine >= 0.5 * mine * mine
