"""Turn a fresh clone into a running Tapehand, with nothing but Python's standard library.

    python3 scripts/bootstrap.py            what `make demo` needs
    python3 scripts/bootstrap.py test       plus tests and checks, plus the browser driver where a Chromium is found
    python3 scripts/bootstrap.py bench      .venv-bench: the product beside the peers it is measured against

Each step leaves a stamp: a hash of the Python version and of what the step was made from, and the products it left.
A step is skipped while both still hold, so a second run reads a few small files and touches no network. Everything
that is installed is pinned by hash (requirements/*.txt) and comes through pip, so pip's own configuration of mirrors,
certificates and wheelhouses is honoured. A Python without pip fetches pip's pinned wheel from the same mirrors first.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)


class Stop(Exception):
    """One plain sentence about what is missing and what to do."""


def use_a_fitting_python() -> None:
    """Go on when this Python fits; else start again in a fitting one from PATH."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other and subprocess.call([other, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            os.execv(other, [other, *sys.argv])
    wanted = f"3.{OLDEST[1]} to 3.{NEWEST[1]}"
    found = f"{sys.version_info[0]}.{sys.version_info[1]}"
    sys.exit(f"Tapehand needs Python {wanted}, and this is {found}. Install one, or name it: make PYTHON=/path/to/it")


# Before anything below that an older Python cannot read. This file stays parseable for Python 3.6.
use_a_fitting_python()

from pip_wheel import fetch_pip_wheel  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
LIBRARY_FOLDER = ROOT / "src" / "tapehand" / "kernels"
COMPILERS = ("g++", "clang++")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROFILES = ("demo", "test", "bench")


class Step:
    """One thing to make from named inputs, and the products that must still be there next time."""

    def __init__(
        self,
        home: Path,
        name: str,
        *,
        inputs: Iterable[Path],
        make: Callable[[], None],
        products: Callable[[], Iterable[Path]],
    ) -> None:
        self.name, self.make, self.products = name, make, products
        self.digest = digest_of(inputs)
        self.stamp = home / ".stamps" / name

    def run(self) -> None:
        """Make it, unless the stamp says that it is made."""
        if self.is_current():
            return
        started_s = time.monotonic()
        say(f"{self.name} ...")
        self.make()
        products = sorted(map(str, self.products()))
        if not products:
            raise Stop(f"The step '{self.name}' ended without a result. Run 'make clean' and try again.")
        self.stamp.parent.mkdir(parents=True, exist_ok=True)
        self.stamp.write_text("\n".join([self.digest, *products]) + "\n", encoding="utf-8")
        say(f"{self.name} ready in {time.monotonic() - started_s:.1f} s")

    def is_current(self) -> bool:
        """Whether inputs are unchanged and every product is still in its place."""
        try:
            digest, *products = self.stamp.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return False
        return digest == self.digest and bool(products) and all(map(os.path.exists, products))


def main(arguments: list[str]) -> None:
    """Run the steps of one profile."""
    profile = arguments[0] if arguments else "demo"
    if profile not in PROFILES or len(arguments) > 1:
        raise Stop(f"bootstrap.py takes one of {', '.join(PROFILES)}.")
    with one_at_a_time():
        for step in steps(profile):
            step.run()


def steps(profile: str) -> Iterator[Step]:
    """The steps of a profile, in order; each is described only when the ones before it have run."""
    home = ROOT / (".venv-bench" if profile == "bench" else ".venv")
    yield Step(home, "venv", inputs=[], make=lambda: make_venv(home), products=lambda: [python_of(home)])
    yield packages(home, "run", "build")
    if not find_compiler():
        yield packages(home, "compiler")
    yield Step(home, "native", inputs=native_sources(), make=lambda: make_native(home), products=built_libraries)
    description = [ROOT / "pyproject.toml", ROOT / "hatch_build.py"]
    yield Step(
        home, "install", inputs=description, make=lambda: install_project(home), products=lambda: [command_of(home)]
    )
    if profile == "test":
        yield packages(home, "dev")
        if os.environ.get("TAPEHAND_CHROMIUM") or find_first(CHROMIUMS):
            yield packages(home, "browser")
    if profile == "bench":
        yield packages(home, "bench")


def packages(home: Path, *locks: str) -> Step:
    """The step that installs one or more lock files."""
    files = [REQUIREMENTS / f"{lock}.txt" for lock in locks]
    return Step(
        home,
        "packages-" + "-".join(locks),
        inputs=files,
        make=lambda: install_locked(home, files),
        products=lambda: Path(site_of(home)).glob("*.dist-info"),
    )


# The virtual environment ----------------------------------------------------------------------------------------------


def make_venv(home: Path) -> None:
    """A virtual environment with pip; one that already works with this Python is taken over as it is."""
    if works(home):
        return
    if has_ensurepip():
        with contextlib.suppress(subprocess.CalledProcessError):
            venv.create(home, clear=True, symlinks=os.name != "nt", with_pip=True)
            return
    venv.create(home, clear=True, symlinks=os.name != "nt", with_pip=False)
    install_pip(home)


def works(home: Path) -> bool:
    """Whether ``home`` runs this very Python version and has pip."""
    if not python_of(home).exists():
        return False
    question = "import pip, sys; print(sys.version_info[:3])"
    answer = subprocess.run([python_of(home), "-I", "-c", question], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == str(tuple(sys.version_info[:3]))


def has_ensurepip() -> bool:
    """Whether this Python carries pip's wheel; Debian keeps it in a package of its own."""
    try:
        import ensurepip

        return bool(ensurepip.version())
    except Exception:  # distributions break it in ways of their own
        return False


def install_pip(home: Path) -> None:
    """Put pip into an environment that has none, from its pinned wheel."""
    lock = REQUIREMENTS / "pip.txt"
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        download += ["--only-binary", ":all:", "--dest", folder, "--requirement", str(lock)]
        by_pip = subprocess.run(download, capture_output=True, check=False).returncode == 0
        try:
            wheel = next(Path(folder).glob("*.whl")) if by_pip else fetch_pip_wheel(lock, Path(folder))
        except OSError as error:
            raise Stop(f"pip could not be fetched: {error}.") from error
        run_pip(home, ["install", "--no-index", "--no-deps", str(wheel)], pip=[str(wheel / "pip")])


def python_of(home: Path) -> Path:
    """The environment's Python."""
    return command_of(home, "python")


def command_of(home: Path, name: str = "tapehand") -> Path:
    """Where the environment keeps the command ``name``."""
    folder, suffix = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
    return home / folder / (name + suffix)


def site_of(home: Path) -> str:
    """Where the environment keeps its packages."""
    return sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)})


# What pip does --------------------------------------------------------------------------------------------------------


def install_locked(home: Path, locks: list[Path]) -> None:
    """Install lock files exactly as pinned: nothing else, and no code of strangers is run to build a package."""
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    run_pip(home, ["install", *options, *(option for lock in locks for option in ("--requirement", str(lock)))])


def install_project(home: Path) -> None:
    """Install this checkout in place."""
    run_pip(home, ["install", "--no-index", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])


def run_pip(home: Path, arguments: list[str], pip: list[str] | None = None) -> None:
    """Run pip in ``home``; its whole output goes to a log, a failure becomes one sentence."""
    command = [str(python_of(home)), "-I", *(pip or ["-m", "pip"]), *arguments]
    surroundings = os.environ | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    finished = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    log = home / ".stamps" / "pip.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(finished.stdout + finished.stderr, encoding="utf-8")
    if finished.returncode != 0:
        raise Stop(f"{what_pip_says(finished.stdout + finished.stderr)} All of it: {log.relative_to(ROOT)}")


def what_pip_says(output: str) -> str:
    """The one sentence behind pip's output."""
    sentences = {
        r"DO NOT MATCH THE HASHES": "A downloaded package is not the one that was pinned, so it was not installed. "
        "Check the mirror.",
        r"No space left on device": "The disk is full.",
        r"CERTIFICATE_VERIFY_FAILED|SSLError": "The package index could not be trusted: its certificate does not fit. "
        "Install ca-certificates or name yours in PIP_CERT.",
        r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Connection (?:refused|reset)": (
            "The package index could not be reached. Check the network, or name your mirror in PIP_INDEX_URL, "
            "and run the same command again."
        ),
        r"No matching distribution found for (\S+)": "No wheel of \\1 was found for this Python and machine.",
    }
    for pattern, sentence in sentences.items():
        found = re.search(pattern, output)
        if found:
            return found.expand(sentence)
    told = re.findall(r"^\s*(?:ERROR|\w*Error): (.+)$", output, re.MULTILINE)
    return f"pip failed: {told[-1] if told else 'it does not say why'}."


# The native library ---------------------------------------------------------------------------------------------------


def make_native(home: Path) -> None:
    """Compile native/ into the package; the builder says in its own words what failed."""
    finished = subprocess.run([python_of(home), ROOT / "native" / "build.py"], cwd=ROOT, check=False)
    if finished.returncode != 0:
        raise Stop("The native library was not built. The lines above say why.")
    for library in built_libraries():
        loaded = subprocess.run(
            [python_of(home), "-I", "-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])", library],
            capture_output=True,
            text=True,
            check=False,
        )
        if loaded.returncode != 0:
            raise Stop(f"The native library was built but does not load: {loaded.stderr.strip().splitlines()[-1]}")


def find_compiler() -> str | None:
    """The C++ compiler that native/build.py will take, if this machine has one."""
    chosen = os.environ.get("CXX", "").split()
    if chosen and not shutil.which(chosen[0]):
        raise Stop(f"CXX names {chosen[0]}, which is not there. Unset it, or name a C++ compiler.")
    return chosen[0] if chosen else find_first(COMPILERS)


def native_sources() -> list[Path]:
    """Everything that the native library is made from."""
    return [path for path in (ROOT / "native").rglob("*") if path.suffix in (".py", ".cpp", ".hpp", ".h", ".c")]


def built_libraries() -> list[Path]:
    """The compiled library in the package."""
    return [path for path in LIBRARY_FOLDER.iterdir() if path.suffix in (".so", ".dylib", ".dll")]


# Small things ---------------------------------------------------------------------------------------------------------


def find_first(commands: Iterable[str]) -> str | None:
    """The first of ``commands`` that is on PATH."""
    return next(filter(None, map(shutil.which, commands)), None)


def digest_of(inputs: Iterable[Path]) -> str:
    """A hash over this Python, this place and the named files."""
    digest = hashlib.sha256(f"{sys.version_info[:3]} {sysconfig.get_platform()} {ROOT}".encode())
    for path in sorted(inputs):
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"\0{path.name} {len(content)}\0".encode() + content)
    return digest.hexdigest()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let a second bootstrap of the same checkout wait for the first."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(ImportError, OSError):  # no such locks on Windows and on some network disks
            import fcntl

            folder = os.open(ROOT, os.O_RDONLY)
            held.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def say(line: str) -> None:
    """One line for the person who waits."""
    print(f"bootstrap: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Stop as stop:
        sys.exit(f"bootstrap: {stop}")
    except KeyboardInterrupt:
        sys.exit("bootstrap: stopped; the next run goes on from here.")
    except OSError as error:
        sys.exit(f"bootstrap: {error.strerror}: {error.filename}")
