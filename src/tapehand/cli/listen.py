"""``tapehand listen``: what is heard of a song, a folder of stems or a file; and a person's word about it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from tapehand.cli.frame import json_option, long_work, say, show_json, song_option, user_name
from tapehand.cli.heard import show_heard
from tapehand.cli.tables import counted
from tapehand.errors import UsageError

if TYPE_CHECKING:
    from tapehand.app.listen import Listened
    from tapehand.music.time import Metre
    from tapehand.ports.song_store import SongStore
    from tapehand.song.finding import Fact


@click.command("listen")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@song_option
@click.option("-o", "out", type=click.Path(path_type=Path), help="A new folder for the report with its pictures.")
@click.option("--all", "show_all", is_flag=True, help="Show notes too, not only questions.")
@click.option("--role", "roles", multiple=True, metavar="TRACK=ROLE", help="Say what a track is.")
@click.option("--section", "sections", multiple=True, metavar="FIRST-LAST=NAME", help="Name a stretch of bars.")
@click.option("--tempo", "tempo_bpm", type=click.FloatRange(20, 400), help="Say the tempo in BPM, from the first bar.")
@click.option("--metre", metavar="N/M", help="With --tempo: the time signature (default: its own, else 4/4).")
@click.option("--by", metavar="NAME", help="Who says so (default: you).")
@json_option
def listen_command(
    path: Path | None,
    song_path: Path | None,
    out: Path | None,
    show_all: bool,
    roles: Sequence[str],
    sections: Sequence[str],
    tempo_bpm: float | None,
    metre: str | None,
    by: str | None,
    as_json: bool,
) -> None:
    """Listen to a song, a folder of stems or a file: roles, time, form, levels, and what gives reason to ask.

    Without PATH it is the song of --song, or the only *.tapehand here. What was heard of a song is kept in its log;
    what you say with --role, --section and --tempo outranks it and can be undone.
    """
    from tapehand.app.listen import is_song, listening_plain

    if path is not None and not is_song(path):
        if song_path is not None or roles or sections or tempo_bpm is not None:
            raise UsageError("cli.usage", "--song, --role, --section and --tempo do not go with a folder or file")
        listened = _heard_of_path(path, quiet=as_json)
    else:
        spoken = _Spoken(roles, sections, tempo_bpm, metre, by or user_name())
        listened = _heard_of_song(path or song_path, spoken, quiet=as_json)
    if out is not None:
        from tapehand.app.listen_report import write_listen_report

        with long_work() as work:
            write_listen_report(listened, out, work)
    if as_json:
        show_json({**listening_plain(listened.heard), "report": str(out / "report.html") if out else None})
    else:
        show_heard(listened.heard, show_all=show_all, of_song=path is None or is_song(path))
        if out is not None:
            say(f"The report is {out / 'report.html'}.")


class _Spoken(NamedTuple):
    """What a person says about the song, as it was typed."""

    roles: Sequence[str]
    sections: Sequence[str]
    tempo_bpm: float | None
    metre: str | None
    by: str


def _heard_of_path(path: Path, *, quiet: bool) -> "Listened":
    from tapehand.app.listen import listen_to_path
    from tapehand.bootstrap import make_studio

    with long_work() as work:
        return listen_to_path(make_studio(), path, work, None if quiet else _FirstFacts())


def _heard_of_song(path: Path | None, spoken: _Spoken, *, quiet: bool) -> "Listened":
    from tapehand.app.listen import listen_to_song
    from tapehand.app.songs import open_song
    from tapehand.bootstrap import make_studio

    studio = make_studio()
    with open_song(studio, path) as store, long_work() as work:
        _note_down(store, spoken)
        return listen_to_song(studio, store, work, None if quiet else _FirstFacts())


def _note_down(store: "SongStore", spoken: _Spoken) -> None:
    from tapehand.app.corrections import say_role, say_sections, say_tempo

    if spoken.tempo_bpm is not None:
        say_tempo(store, spoken.tempo_bpm, _metre(spoken.metre) if spoken.metre else None, by=spoken.by)
    for words in spoken.roles:
        track, _, role = words.rpartition("=")
        if not track:
            raise UsageError("cli.usage", f"{words!r} does not say TRACK=ROLE")
        say_role(store, track, role.strip().replace(" ", "_"), by=spoken.by)
    if spoken.sections:
        say_sections(store, [_stretch(words) for words in spoken.sections], by=spoken.by)


def _stretch(words: str) -> tuple[str, int, int]:
    match = re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*=\s*(\S.*?)\s*", words)
    if match is None:
        raise UsageError("cli.usage", f"{words!r} does not say FIRST-LAST=NAME")
    return match[3], int(match[1]), int(match[2])


def _metre(words: str) -> "Metre":
    from tapehand.music.time import Metre

    match = re.fullmatch(r"([1-9]|[12]\d)/(2|4|8|16)", words.strip())
    if match is None:
        raise UsageError("cli.usage", f"{words!r} is no time signature like 4/4 or 6/8")
    return Metre(beats=int(match[1]), unit=int(match[2]))


class _FirstFacts:
    """Shows what is known at once: which tracks there are, and what they are by name."""

    def __init__(self) -> None:
        self._shown = False

    def __call__(self, facts: "Sequence[Fact]") -> None:
        if not self._shown:
            self._shown = True
            unknown = sum(fact.value == "unknown" for fact in facts)
            named = f"; what {unknown} of them are, names do not say" if unknown else ""
            click.echo(f"{counted(len(facts), 'track')}{named}", err=True)
