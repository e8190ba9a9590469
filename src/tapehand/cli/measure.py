"""``tapehand meter`` and ``tapehand check``: what is measured, and what an engineer would flag."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tapehand.cli.frame import json_option, long_work, say, show_json
from tapehand.cli.heard import show_findings
from tapehand.cli.tables import number, place, show_table
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
