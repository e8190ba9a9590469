"""The outline of a song: which kinds of sections, and how many bars of each."""

from typing import Final

from tapehand.engines.composing.brief import Understood
from tapehand.engines.composing.chance import dice, weighted
from tapehand.engines.composing.genre import FormTemplate, Genre

_TOLERANCE_BARS: Final = 6
_STRETCH_ORDER: Final = ("verse", "groove", "drop", "hook", "break", "outro", "intro", "bridge", "build", "pre")


def outline_of(understood: Understood, seed: int) -> list[tuple[str, int]]:
    """Section kinds with bars that add up to the song."""
    facts, bars = understood.wishes.facts, understood.bars
    if facts.form:
        default = {kind: length for form in understood.genre.forms for kind, length in form.sections}
        outline = [(kind, length or default.get(kind, 8)) for kind, length in facts.form]
        return _fitted(outline, bars)
    if bars < 4:
        return [("drop" if "drop" in understood.genre.sections else "hook", bars)]
    outline = _nearest_form(understood, seed)
    fixed = dict(facts.section_bars)
    outline = [(kind, fixed.get(kind, length)) for kind, length in outline]
    return _fitted(outline, bars, frozenset(fixed))


def _nearest_form(understood: Understood, seed: int) -> list[tuple[str, int]]:
    """One of the genre's forms whose length comes near the song's, seeded among those that come near enough."""
    wished = {*understood.wishes.sections, *(kind for kind, _ in understood.wishes.facts.section_bars)}
    unwanted = understood.wishes.excluded_sections
    candidates: list[tuple[float, float, list[tuple[str, int]]]] = []
    for form in understood.genre.forms:
        for times in range(60):
            outline = [pair for pair in _repeated(form, times) if pair[0] not in unwanted]
            if not outline:
                break
            total = sum(length for _, length in outline)
            lacking = len(wished - {kind for kind, _ in outline})
            plain = 20 if understood.bars > 16 and len({kind for kind, _ in outline}) < 4 else 0
            distance = abs(total - understood.bars) + 40 * lacking + plain + 2 * times
            candidates.append((distance, form.weight, outline))
            if total > understood.bars:
                break
    if not candidates:
        return [(_kind_left(understood.genre, unwanted), understood.bars)]
    best = min(distance for distance, _, _ in candidates)
    near = [
        (weight, outline)
        for distance, weight, outline in candidates
        if distance <= best + max(_TOLERANCE_BARS, understood.bars * 0.12)
    ]
    weights = {index: weight + 0.01 for index, (weight, _) in enumerate(near)}
    return near[weighted(dice(seed, "form"), weights)][1]


def _kind_left(genre: Genre, unwanted: tuple[str, ...]) -> str:
    """A kind of section that was not excluded; the first of the genre where all were."""
    return next((kind for kind in genre.sections if kind not in unwanted), next(iter(genre.sections)))


def _repeated(form: FormTemplate, times: int) -> list[tuple[str, int]]:
    first, last = form.repeat
    return [*form.sections[:last], *(form.sections[first:last] * times), *form.sections[last:]]


def _fitted(outline: list[tuple[str, int]], bars: int, fixed: frozenset[str] = frozenset()) -> list[tuple[str, int]]:
    """The outline stretched or cut to the song's bars: fours from the roomiest sections, the rest at the edges."""
    lengths = [length for _, length in outline]
    kinds = [kind for kind, _ in outline]
    difference = bars - sum(lengths)
    while abs(difference) >= 4:
        step = 4 if difference > 0 else -4
        open_to = [i for i, kind in enumerate(kinds) if kind not in fixed and (step > 0 or lengths[i] > 4)]
        if not open_to:
            break
        sign = 1 if step > 0 else -1
        choice = min(open_to, key=lambda i: (sign * lengths[i] // 8, _STRETCH_ORDER.index(kinds[i]), -i * sign))
        lengths[choice] += step
        difference -= step
    while difference < 0 and len(lengths) > 1:
        edge = min(range(len(lengths)), key=lambda i: (kinds[i] in fixed, kinds[i] not in ("outro", "intro"), -i))
        cut = min(lengths[edge], -difference)
        lengths[edge] -= cut
        difference += cut
        if lengths[edge] == 0:
            del lengths[edge], kinds[edge]
    loose = [i for i, kind in enumerate(kinds) if kind not in fixed] or [len(kinds) - 1]
    lengths[loose[-1]] += difference
    return list(zip(kinds, lengths, strict=True))
