"""All meters on files, block by block."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tapehand.audio import io
from tapehand.errors import InputError
from tapehand.meters.summary import Meter, MeterStream
from tapehand.work import Work


def meter_files(paths: Iterable[Path], work: Work) -> dict[str, Any]:
    """The ``Meter.1`` record; a file that cannot be read has an error in its place."""
    return {"schema": "Meter.1", "files": [_entry(Path(path), work) for path in paths]}


def meter_file(path: Path, work: Work) -> Meter:
    """Every figure of one file; raises InputError as ``audio.io.decode``."""
    with io.Reader(path) as reader:
        stream = MeterStream(reader.facts.channels, reader.facts.rate_hz)
        for block in reader.blocks():
            stream.feed(block)
            work.report("meter.read", reader.decoded_samples, max(reader.facts.announced_samples or 0, 1))
        return stream.finish()


def _entry(path: Path, work: Work) -> dict[str, Any]:
    try:
        return {"path": str(path), **meter_file(path, work).as_plain()}
    except InputError as error:
        return {"path": str(path), "error": {"code": error.code, "message": error.message}}
