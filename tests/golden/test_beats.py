"""Beats stay what they were until somebody means to change them: ``python tests/golden/descriptors.py`` rewrites."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from descriptors import GOLDEN, PROMPTS, describe_beat

TOLERANCE_DB = 0.2


@pytest.mark.parametrize("name", PROMPTS)
def test_a_beat_is_what_it_was(name: str) -> None:
    was = json.loads(GOLDEN.read_text())[name]
    now = json.loads(json.dumps(describe_beat(PROMPTS[name])))
    assert now["sections"] == was["sections"]
    assert now["chords"] == was["chords"]
    assert now["parts"] == was["parts"]
    assert now["stems_lufs"] == pytest.approx(was["stems_lufs"], abs=TOLERANCE_DB)
    assert now["mix_lufs"] == pytest.approx(was["mix_lufs"], abs=TOLERANCE_DB)
    assert now["mix_peak_dbfs"] == pytest.approx(was["mix_peak_dbfs"], abs=TOLERANCE_DB)
