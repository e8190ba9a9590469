"""Arranging by stretches of the song: what makes a part silent there, sound there alone, or be there what it was."""

from collections.abc import Iterable, Iterator

from tapehand.errors import InputError
from tapehand.song.mixer import Strip
from tapehand.song.op import Op, SetAutomationWithin, SetMutedWithin
from tapehand.song.region import Span
from tapehand.song.song import Song
from tapehand.song.within import inside, lane, points_inside


def muted_within(target: str, span: Span) -> SetMutedWithin:
    """The op that silences a part over ``span``."""
    return SetMutedWithin(target=target, span=span, muted=(span,))


def sounding_within(target: str, span: Span) -> SetMutedWithin:
    """The op that lets a part sound again over ``span``."""
    return SetMutedWithin(target=target, span=span, muted=())


def solo_within(song: Song, targets: Iterable[str], span: Span) -> tuple[Op, ...]:
    """The ops that let only these tracks sound over ``span``."""
    kept = set(targets)
    return tuple(
        sounding_within(track.id, span) if track.id in kept else muted_within(track.id, span) for track in song.tracks
    )


def restored_within(before: Song, now: Song, target: str, span: Span) -> Iterator[Op]:
    """The ops that make mutes and automation of a part over ``span`` what they were in ``before``."""
    try:
        old, new = before.strip(target), now.strip(target)
    except InputError:
        return
    if inside(old.muted, span) != inside(new.muted, span):
        yield SetMutedWithin(target=target, span=span, muted=inside(old.muted, span))
    yield from _automation_restored(old, new, target, span)


def _automation_restored(old: Strip, new: Strip, target: str, span: Span) -> Iterator[Op]:
    for parameter in ("fader_db", "pan"):
        points = points_inside(lane(old.automation, parameter), span)
        if points != points_inside(lane(new.automation, parameter), span):
            yield SetAutomationWithin(target=target, parameter=parameter, span=span, points=points)
