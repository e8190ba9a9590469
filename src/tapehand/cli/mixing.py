"""``tapehand mix`` and ``tapehand master``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from tapehand.cli.frame import json_option, long_work, say, show_json, user_name
from tapehand.cli.heard import show_findings
from tapehand.cli.tables import number, show_table, signed
from tapehand.errors import Refused
from tapehand.song.brief import FieldValue


@click.command("mix")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--output", "out", required=True, type=click.Path(path_type=Path), help="A new folder to write to.")
@click.option(
    "--accept",
    metavar="recommended|OPTION",
    help="Your decision in advance: also renders mix.wav. 'recommended' takes the starting point.",
)
@click.option("--genre", help="What kind of music it is, where that changes the balance (rap, rock, pop ...).")
@click.option("--seed", default=0, show_default=True, help="Same stems and seed give the same mix.")
@json_option
def mix_command(folder: Path, out: Path, accept: str | None, genre: str | None, seed: int, as_json: bool) -> None:
    """Mix a folder of stems: three options to hear, every move with its reason.

    Writes OUT/song.tapehand (the song, with every move and decision) and OUT/options/*.wav (level-matched). Clipped,
    silent or damaged stems are told and left as they are. Decide later with 'tapehand decide', or now with --accept.
    """
    from tapehand.app.mix import mix_folder
    from tapehand.app.propose import refuse_unknown_option
    from tapehand.bootstrap import make_studio
    from tapehand.song.brief import Brief, BriefField

    room = make_studio()
    if accept is not None:
        refuse_unknown_option(room, "mixing", accept)
    fields = (BriefField(name="genre", value=genre, origin="said"),) if genre else ()
    with long_work() as work:
        told = mix_folder(
            room, folder, out, by=user_name(), accept=accept, brief=Brief(fields=fields), seed=seed, work=work
        )
    if as_json:
        show_json(told)
    else:
        _show_mix(told, out, accept)


def _show_mix(told: Mapping[str, Any], out: Path, accept: str | None) -> None:
    if told["findings"]:
        say("To ask you about (nothing was changed):")
        show_findings(told["findings"])
        say()
    proposal = told["proposal"]
    options = {option["id"]: option for option in proposal["options"]}
    moves = {name: {move["track"]: move for move in option["moves"]} for name, option in options.items()}
    rows = [
        (
            track["name"],
            track["role"].replace("_", " "),
            *(_move(moves[name].get(track["name"]), track["skipped"]) for name in options),
        )
        for track in told["tracks"]
    ]
    show_table(("track", "role", *(option["name"] for option in options.values())), rows)
    say()
    for name, option in options.items():
        mark = "  <- starting point" if name == proposal["recommended"] else ""
        say(f"{name}: {option['why']}{mark}")
        say(f"  {option['path']}")
    say()
    if "mix" in told:
        taken = options[proposal["recommended"]]["name"] if accept == "recommended" else accept
        say(f"Accepted by {user_name()}: {taken}. Mix: {told['mix']}")
    else:
        say(f"Decide:  tapehand decide {proposal['id']} --option NAME --by YOU --song {out / 'song.tapehand'}")


def _move(move: Mapping[str, Any] | None, skipped: object) -> str:
    if skipped or move is None:
        return "skipped"
    if move["muted"]:
        return "muted"
    pan = move["pan"]
    side = "" if abs(pan) < 0.005 else f"  {'L' if pan < 0 else 'R'}{abs(pan) * 100:.0f}"
    return f"{signed(move['gain_db'], 1, 'dB')}{side}"


@click.command("master")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "out", required=True, type=click.Path(path_type=Path), help="The .wav or .flac to write."
)
@click.option("--lufs", type=click.FloatRange(-40, -4), help="Integrated loudness to reach (default -14).")
@click.option("--ceiling", type=click.FloatRange(-20, 0), help="Highest true peak in dBTP (default -1).")
@click.option("--for", "platform", help="Take loudness and ceiling from a platform (spotify, apple_music, club ...).")
@click.option("--reference", type=click.Path(path_type=Path), help="A record whose balance to lean towards.")
@click.option("--strength", type=click.FloatRange(0, 100), help="How far tone is moved, in percent.")
@click.option("--match", help="What to take from the reference: eq,width,dynamics.")
@click.option("--accept-cost", is_flag=True, help="Go on although the loudness asked for costs more than is safe.")
@json_option
def master_command(
    file: Path,
    out: Path,
    lufs: float | None,
    ceiling: float | None,
    platform: str | None,
    reference: Path | None,
    strength: float | None,
    match: str | None,
    accept_cost: bool,
    as_json: bool,
) -> int:
    """Master a finished mix to a loudness, with its true peak under a ceiling.

    The command is the decision. Every stage says what it changed. A loudness that would crush the song is refused with
    its cost and the loudest safe figure (exit code 4); --accept-cost goes there anyway.
    """
    from tapehand.app.master import master_file, refusal_record
    from tapehand.bootstrap import make_studio

    wishes: dict[str, FieldValue] = {
        "lufs": lufs,
        "ceiling_dbtp": ceiling,
        "platform": platform,
        "strength_percent": strength,
        "match": tuple(part.strip() for part in match.split(",")) if match else None,
        "accept_cost": accept_cost or None,
    }
    try:
        with long_work() as work:
            told = master_file(make_studio(), file, out, wishes=wishes, reference=reference, work=work)
    except Refused as refused:
        if not as_json:
            raise
        show_json(refusal_record(refused))
        return refused.exit_code
    if as_json:
        show_json(told)
    else:
        _show_master(told)
    return 0


def _show_master(told: Mapping[str, Any]) -> None:
    rows = [
        (stage["name"], "on" if stage["on"] else "off", signed(stage["delta_lu"], 2), stage["why"])
        for stage in told["stages"]
    ]
    show_table(("stage", "", "LU", "why"), rows, numeric=(2,))
    say()
    say(
        f"{told['output']}: {number(told['integrated_lufs'], 2, 'LUFS')} (asked {number(told['target_lufs'], 1)}), "
        f"true peak {number(told['true_peak_dbtp'], 2, 'dBTP')} (ceiling {number(told['ceiling_dbtp'], 1)}), "
        f"range {number(told['lra_lu'], 1, 'LU')}"
    )
