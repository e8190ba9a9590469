"""``tapehand hear``: options at one loudness, in the open or blind, with votes and what they say."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapehand.cli.frame import json_option, long_work, say, show_json, song_option
from tapehand.cli.tables import number, show_table
from tapehand.errors import UsageError
from tapehand.song.region import Span
from tapehand.units import finite_or_none, seconds_to_samples

if TYPE_CHECKING:
    from tapehand.app.difference import Stretch


@click.command("hear")
@click.argument("number_", metavar="N", type=int)
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="A new folder for the files.")
@click.option("--start", type=click.FloatRange(min=0), help="Begin at this second.")
@click.option("--end", type=click.FloatRange(min=0), help="End at this second.")
@click.option("--whole", is_flag=True, help="Hear the whole song, not only where the options differ most.")
@click.option("--preview-master", is_flag=True, help="Hear everything through one same bus chain.")
@click.option("--with-rough", is_flag=True, help="Hear the song as it stands as well.")
@song_option
@json_option
def hear_command(
    number_: int,
    out: Path | None,
    start: float | None,
    end: float | None,
    whole: bool,
    preview_master: bool,
    with_rough: bool,
    song_path: Path | None,
    as_json: bool,
) -> None:
    """Write the options of proposal N as files for any player: same place, same loudness to 0.1 LU.

    Without --start, --end or --whole you hear the section, or the 25 seconds, where the options differ most.
    """
    from tapehand.app.audition import Listening, hear
    from tapehand.app.songs import open_song
    from tapehand.app.view import song_of
    from tapehand.bootstrap import make_studio

    if out is None:
        raise UsageError("cli.usage", "Say with -o FOLDER where the files go")
    room = make_studio()
    with long_work() as work, open_song(room, song_path) as store:
        rate_hz = song_of(store.state()).rate_hz
        span = _span(start, end, rate_hz)
        how = Listening(span=span, whole=whole, preview_master=preview_master, with_rough=with_rough)
        audition = hear(room, store, number_, out, how=how, work=work)
    stretch = audition.stretch
    if as_json:
        options = [
            {
                "id": each.option.id,
                "name": each.option.name,
                "path": str(each.path),
                "integrated_lufs": finite_or_none(each.integrated_lufs),
                "match_gain_db": each.match_gain_db,
            }
            for each in audition.heard
        ]
        show_json({"schema": "Heard.1", "proposal": number_, **_stretch_plain(stretch, rate_hz), "options": options})
        return
    say(f"You hear {stretch.name}: {stretch.why}.")
    rows = [(each.option.name, number(each.match_gain_db, 1, "dB"), str(each.path)) for each in audition.heard]
    show_table(("option", "turned by", "file"), rows, numeric=(1,))


def _span(start_s: float | None, end_s: float | None, rate_hz: int) -> Span | None:
    if (start_s is None) != (end_s is None) or (start_s is not None and end_s is not None and end_s <= start_s):
        raise UsageError("cli.usage", "A stretch needs --start and a later --end")
    if start_s is None or end_s is None:
        return None
    return Span(start_samples=seconds_to_samples(start_s, rate_hz), end_samples=seconds_to_samples(end_s, rate_hz))


def _stretch_plain(stretch: "Stretch", rate_hz: int) -> dict[str, object]:
    return {
        "start_s": stretch.span.start_samples / rate_hz,
        "end_s": stretch.span.end_samples / rate_hz,
        "stretch": stretch.name,
        "why": stretch.why,
    }
