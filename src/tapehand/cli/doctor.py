"""``doctor``: what is wrong with a song, in sentences, and the mending of it."""

from pathlib import Path

import click

from tapehand.cli.frame import json_option, say, show_json
from tapehand.errors import InputError


@click.command("doctor")
@click.argument("song", required=False, type=click.Path(path_type=Path))
@click.option("--repair", is_flag=True, help="Mend what can be mended. What was there before is kept beside it.")
@click.option(
    "--from",
    "search",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="With --repair: a folder or file that may hold missing audio, under any name. Can be given again.",
)
@json_option
def doctor_command(song: Path | None, repair: bool, search: tuple[Path, ...], as_json: bool) -> int:
    """Look a song over: its log, the readable copy of it, its audio. SONG is the song folder, else the only one here.

    Exits with 3 when something is wrong (still, with --repair). Nothing is changed without --repair, and nothing is
    thrown away with it.
    """
    from tapehand.app.doctor import diagnose
    from tapehand.app.songs import find_song
    from tapehand.bootstrap import make_studio

    path = find_song(Path.cwd()) if song is None else song
    studio = make_studio()
    diagnosis = diagnose(studio, path, mend=repair, search=search)
    second_ear = studio.second_ear.name if studio.second_ear else None
    if as_json:
        troubles = [
            {"code": one.code, "what": one.what, "where": one.where, "hint": one.hint, "can_repair": one.can_repair}
            for one in diagnosis.left
        ]
        done = [{"code": one.code, "what": one.what} for one in diagnosis.done]
        show_json(
            {
                "schema": "Diagnosis.1",
                "song": str(path),
                "troubles": troubles,
                "repairs": done,
                "second_ear": second_ear,
            }
        )
    else:
        for one in diagnosis.done:
            say(f"{one.what}.")
        for trouble in diagnosis.left:
            say(InputError(trouble.code, trouble.what, where=trouble.where, hint=trouble.hint).sentence())
        if diagnosis.is_healthy:
            say(f"{path.name} is sound: its log, the copy of it, and every recording are as they were written.")
        elif any(trouble.can_repair for trouble in diagnosis.left) and not repair:
            say("Mend it with 'tapehand doctor --repair'.")
        asked = second_ear or "nobody; pip install 'tapehand[swift-f0]' adds somebody"
        say(f"Asked about notes that are not sure: {asked}.")
    return 0 if diagnosis.is_healthy else InputError.exit_code
