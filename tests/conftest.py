"""What every test may ask for."""

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tapehand.work import Work

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of this checkout."""
    return ROOT


@pytest.fixture(scope="session")
def material() -> Path:
    """The folder of real recordings; the test is counted as skipped where there is none."""
    folder = Path(os.environ.get("TAPEHAND_MATERIAL", ROOT.parent / "shared" / "material"))
    if not folder.is_dir():
        pytest.skip("needs real recordings: set TAPEHAND_MATERIAL to a folder of them")
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser of this machine; counted as skipped without one, a failure where one is required."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("TAPEHAND_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found and importlib.util.find_spec("playwright"):
        return Path(found)
    missing = "the package playwright (requirements/browser.txt)" if found else "a Chromium"
    if os.environ.get("TAPEHAND_REQUIRE_BROWSER") == "1":
        pytest.fail(f"browser checks are required here and need {missing}")
    pytest.skip(f"browser checks need {missing}")


@pytest.fixture
def work() -> Work:
    """A Work that reports to nobody."""
    return Work()


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded source of randomness, the same in every run."""
    return np.random.default_rng(20261)


@pytest.fixture(autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep caches and settings of the person who runs the tests out of the tests, and the tests out of theirs."""
    home = tmp_path_factory.getbasetemp() / "home"
    for variable, folder in {
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "share",
    }.items():
        monkeypatch.setenv(variable, str(home / folder))
