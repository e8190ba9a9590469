"""The command line's own promises: words, exit codes, lazy start, safe printing, progress."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tapehand.catalogue.loading import load
from tapehand.cli.frame import ProgressLine, run
from tapehand.cli.heard import show_findings
from tapehand.cli.main import commands, tapehand
from tapehand.cli.tables import number, place, signed


def test_every_stage_the_code_reports_has_words(repository: Path) -> None:
    text = "\n".join(path.read_text() for path in (repository / "src/tapehand").rglob("*.py"))
    codes = set(re.findall(r"(?:report|child)\(\s*\"([a-z]+\.[a-z_]+)\"", text))
    assert codes
    assert codes <= set(load("stages")["stages"])


def test_every_command_has_help_that_starts_with_a_sentence() -> None:
    for name, command in commands().items():
        first = (command.help or "").strip().split("\n")[0]
        assert first.endswith((".", ":")) or "." in (command.help or ""), name
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert parameter.help, f"{name} {parameter.name}"


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys; from tapehand.cli.main import tapehand\n"
        "for a in (['--version'], ['--help']):\n"
        "    try: tapehand.main(args=a, standalone_mode=False)\n"
        "    except SystemExit: pass\n"
        "print(sorted({'numpy','scipy','rich','soundfile','sqlite3'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip().endswith("[]")


def test_progress_is_one_line_with_the_time_left_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    now = [0.0]
    stream = Terminal()
    line = ProgressLine(stream, lambda: now[0])
    for done in range(5):
        now[0] = done * 2.0
        line.report("render.mix", done, 8)
    line.close()
    assert "\n" not in stream.getvalue()
    assert "Rendering the mix" in stream.getvalue()
    assert "8 s left" in stream.getvalue()


def test_progress_says_each_stage_once_in_a_file() -> None:
    stream = io.StringIO()
    line = ProgressLine(stream)
    for done in range(5):
        line.report("render.mix", done, 8)
    line.report("audio.write", 0, 1)
    assert stream.getvalue() == "Rendering the mix ...\nWriting ...\n"


def test_a_question_that_many_tracks_raise_is_asked_once(capsys: pytest.CaptureFixture[str]) -> None:
    asked = {"kind": "dual_mono", "start_s": None, "end_s": None, "unit": "dB", "question": "Is this a mono track?"}
    levels = {"Kick": None, "Snare": -70.0, "Hats": -90.25}
    clipped = {"kind": "clipping", "start_s": 1.0, "end_s": 2.0, "unit": "dBFS", "question": "Meant so?"}
    show_findings([{**asked, "track": name, "value": value} for name, value in levels.items()])
    show_findings([{**clipped, "track": "Vox", "value": 1.2}, {**clipped, "track": "Bass", "value": 0.1}])
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.count("Is this a mono track?") == 1
    assert "Kick, Snare, Hats (3 tracks)" in printed
    assert "-90.2 to -70.0 dB" in printed
    assert "+0.1 to +1.2 dBFS" in printed


def test_a_reader_who_leaves_early_is_no_fault() -> None:
    code = "import sys; from tapehand.cli.main import main; main(['engines', '--json'])"
    source, sink = os.pipe()
    os.close(source)
    with open(sink, "w") as closed:
        gone = subprocess.run([sys.executable, "-c", code], stdout=closed, stderr=subprocess.PIPE, text=True)
    assert (gone.returncode, gone.stderr) == (0, "")


def test_faults_of_ours_are_one_sentence_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr("tapehand.bootstrap.make_studio", broken)
    assert run(tapehand, ["engines"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert run(tapehand, ["engines", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "internal.fault"
    with pytest.raises(ZeroDivisionError):
        run(tapehand, ["--debug", "engines"])


def test_numbers_and_places_read_as_people_write_them() -> None:
    assert number(-13.996, 2, "LUFS") == "-14.00 LUFS"
    assert number(None) == "–"
    assert signed(0.0) == "0.0"
    assert signed(2.04, 1, "dB") == "+2.0 dB"
    assert signed(-0.04, 1) == signed(0.04, 1) == "0.0"
    assert signed(-0.04, 2, "dB") == "-0.04 dB"
    assert signed(-10.02, 2) == "-10.02"
    assert place(62.34, 64.0) == "1:02.3-1:04.0"
    assert place(None) == ""
