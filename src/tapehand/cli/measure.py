"""``tapehand meter`` and ``tapehand check``: what is measured, and what an engineer would flag."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tapehand.cli.frame import json_option, long_work, say, show_json
from tapehand.cli.tables import number, place, rate, show_table
from tapehand.errors import InputError


@click.command("meter")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
def meter_command(files: tuple[Path, ...], as_json: bool) -> int:
    """Read every meter on audio files: loudness (ITU-R BS.1770-5), range, true peak, crest, correlation.

    A file that cannot be read is told in its row; the others are measured all the same.
    """
    from tapehand.app.meter import meter_files

    with long_work() as work:
        told = meter_files(files, work)
    if as_json:
        show_json(told)
    else:
        _show_meters(told["files"])
    return InputError.exit_code if any("error" in file for file in told["files"]) else 0


def _show_meters(files: Sequence[Mapping[str, Any]]) -> None:
    headings = ("file", "LUFS", "max M", "max S", "LRA", "dBTP", "peak", "PLR", "crest", "corr.", "length", "rate")
    rows = [_meter_row(file) for file in files if "error" not in file]
    if rows:
        show_table(headings, rows, numeric=range(1, 12))
    for file in files:
        if "error" in file:
            say(f"{file['path']}: {file['error']['message']}.")


def _meter_row(file: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        Path(file["path"]).name,
        number(file["integrated_lufs"], 2),
        number(file["max_momentary_lufs"]),
        number(file["max_short_term_lufs"]),
        number(file["lra_lu"]),
        number(file["true_peak_dbtp"], 2),
        number(file["sample_peak_dbfs"], 2),
        number(file["plr_db"]),
        number(file["crest_db"]),
        number(file["correlation"], 2),
        place(file["duration_s"]),
        f"{file['rate_hz'] / 1000:g}k/{file['channels']}",
    )


@click.command("check")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def check_command(path: Path, as_json: bool) -> None:
    """Look for what an engineer would flag in a file, a folder of stems, or a song.

    Findings are questions with a place and a number. Nothing is repaired, and nothing is called good or bad.
    """
    from tapehand.app.check import check
    from tapehand.bootstrap import make_studio

    with long_work() as work:
        told = check(make_studio(), path, work)
    if as_json:
        show_json(told)
    elif told["findings"]:
        show_findings(told["findings"])
    else:
        say("Nothing to ask about.")


def show_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """Findings as a table of questions; one question that many tracks raise is asked once."""
    alike: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for finding in findings:
        where = place(finding["start_s"], finding["end_s"])
        alike.setdefault((finding["kind"], where, finding["question"]), []).append(finding)
    rows = [
        (_track_names(group), kind.replace("_", " "), where, _measured(group), question)
        for (kind, where, question), group in alike.items()
    ]
    show_table(("track", "what", "where", "measured", "question"), rows, numeric=(3,))


def _track_names(group: Sequence[Mapping[str, Any]]) -> str:
    names = ", ".join(finding["track"] or "" for finding in group)
    return names if len(group) == 1 else f"{names} ({len(group)} tracks)"


def _measured(group: Sequence[Mapping[str, Any]]) -> str:
    """The figure, or the least and the greatest of a group's."""
    unit = group[0]["unit"]
    values = sorted({finding["value"] for finding in group if finding["value"] is not None})
    if not values:
        return number(None)
    if unit == "Hz":
        return " to ".join(dict.fromkeys((rate(values[0]), rate(values[-1]))))
    shown = dict.fromkeys(f"{value:+.1f}" if unit == "dBFS" else f"{value:.1f}" for value in (values[0], values[-1]))
    return f"{' to '.join(shown)} {unit}".strip()
