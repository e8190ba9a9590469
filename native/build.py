"""Build the native library: every ``native/kernels/*.cpp``, once per SIMD level, into one shared library.

Standard library only. Takes the first compiler found of ``$CXX``, g++, clang++, ``python -m ziglang c++``.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent / "src" / "tapehand" / "kernels" / "_native.so"
SOURCES = sorted((HERE / "kernels").glob("*.cpp"))
CODE = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti"]
ARITHMETIC = ["-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
WARNINGS = ["-Wall", "-Wextra", "-Wno-psabi"]
FLAGS = CODE + ARITHMETIC + WARNINGS
MACHINE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
LEVELS: dict[str, list[str]] = {"base": []}
if MACHINE == "x86_64":
    LEVELS["v3"] = ["-mavx2", "-mfma", "-mbmi", "-mbmi2", "-mlzcnt", "-mf16c"]


def compiler() -> list[str]:
    """The command that compiles C++ here."""
    if chosen := os.environ.get("CXX"):
        return chosen.split()
    for name in ("g++", "clang++"):
        if found := shutil.which(name):
            return [found]
    zig = [sys.executable, "-m", "ziglang"]
    if subprocess.run([*zig, "version"], check=False, capture_output=True).returncode == 0:
        return [*zig, "c++", *zig_target()]
    sys.exit("No C++ compiler found: install g++ or clang++, or run 'pip install ziglang', then 'make' again.")


def zig_target() -> list[str]:
    """Name the target, as zig otherwise tunes for the CPU of this computer."""
    return ["-target", f"{MACHINE}-linux-gnu.2.17"] if sys.platform == "linux" else []


def compile_one(command: list[str], source: Path, level: str, folder: Path) -> Path:
    """Compile one source at one SIMD level."""
    made = folder / f"{source.stem}_{level}.o"
    run([*command, *FLAGS, f"-DKERNEL_SIMD={level}", *LEVELS[level], "-I", str(HERE), "-c", str(source), "-o", made])
    return made


def link(command: list[str], objects: list[Path], output: Path) -> None:
    """Link without any C++ run time; memcpy and memset come from the C library of the Python process."""
    if sys.platform == "darwin":
        how = ["-dynamiclib", "-undefined", "dynamic_lookup"]
    else:
        how = ["-shared", "-s", "-nostdlib" if "ziglang" in command else "-nodefaultlibs"]
    run([*command, *how, *objects, "-o", output])


def run(command: Sequence[str | Path]) -> None:
    """Run a compiler; on failure its own words are the message."""
    if subprocess.run([str(word) for word in command], check=False).returncode:
        sys.exit(f"Building the native library failed: {' '.join(map(str, command))}")


def main() -> None:
    """Build into a temporary folder, then put the library in place in one step."""
    command = compiler()
    with tempfile.TemporaryDirectory(dir=TARGET.parent, prefix=".build-") as temporary:
        folder = Path(temporary)
        tasks = [(source, level) for source in SOURCES for level in LEVELS]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = list(pool.map(lambda task: compile_one(command, task[0], task[1], folder), tasks))
        link(command, objects, folder / TARGET.name)
        os.replace(folder / TARGET.name, TARGET)
    print(
        f"{TARGET.name}: {len(SOURCES)} sources x {'/'.join(LEVELS)}, {TARGET.stat().st_size // 1024} kB, {command[0]}"
    )


if __name__ == "__main__":
    main()
