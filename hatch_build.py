"""Put the compiled kernels into a wheel. An editable install needs nothing: the bootstrap has built them in place."""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeLibraryHook(BuildHookInterface[Any]):
    """One wheel per platform, for every Python: the library is plain C to Python and knows no Python version."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile native/ and name the platform, unless the install is editable."""
        if version == "editable":
            return
        subprocess.run([sys.executable, str(Path(self.root) / "native" / "build.py")], check=True)
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")
