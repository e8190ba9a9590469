"""Where a song may live: on a disk of this computer. SQLite's log needs memory that all its writers share."""

import ctypes
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tapehand.errors import Refused

MOUNTS: Final = Path("/proc/self/mountinfo")
# File systems behind which another computer may write: https://www.sqlite.org/wal.html (read 2026-11), names of the
# Linux kernel and of common FUSE programs.
NETWORK_KINDS: Final = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "coda", "9p", "vboxsf", "davfs"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "orangefs"),
        *("fuse.sshfs", "fuse.rclone", "fuse.davfs2", "fuse.glusterfs", "fuse.s3fs", "fuse.gcsfuse"),
        *("fuse.smbnetfs", "fuse.curlftpfs"),
    )
)

# sys/mount.h of macOS: what statfs says of a drive of this computer.
MAC_LOCAL: Final = 0x00001000


class MacStatfs(ctypes.Structure):
    """``struct statfs`` of macOS with 64-bit inodes (sys/mount.h, read 2026-11)."""

    _fields_ = (
        ("f_bsize", ctypes.c_uint32),
        ("f_iosize", ctypes.c_int32),
        ("f_blocks", ctypes.c_uint64),
        ("f_bfree", ctypes.c_uint64),
        ("f_bavail", ctypes.c_uint64),
        ("f_files", ctypes.c_uint64),
        ("f_ffree", ctypes.c_uint64),
        ("f_fsid", ctypes.c_int32 * 2),
        ("f_owner", ctypes.c_uint32),
        ("f_type", ctypes.c_uint32),
        ("f_flags", ctypes.c_uint32),
        ("f_fssubtype", ctypes.c_uint32),
        ("f_fstypename", ctypes.c_char * 16),
        ("f_mntonname", ctypes.c_char * 1024),
        ("f_mntfromname", ctypes.c_char * 1024),
        ("f_flags_ext", ctypes.c_uint32),
        ("f_reserved", ctypes.c_uint32 * 7),
    )


def refuse_network_drive(folder: Path) -> None:
    """Raise Refused (``store.network_drive``) for a folder on a drive that several computers write to."""
    kind = network_kind(folder)
    if kind is not None:
        raise Refused(
            "store.network_drive",
            f"The song lies on a network drive ({kind}), where two writers can destroy its log",
            where=str(folder),
            hint="Copy the whole song folder to a disk of this computer and work there.",
        )


def network_kind(folder: Path) -> str | None:
    """The kind of network drive a folder lies on, or None for a local one or where the system does not tell."""
    if str(folder).startswith("\\\\"):
        return "a Windows share"
    if sys.platform == "darwin":
        return mac_network_kind(folder, _mac_statfs())
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind = mounted_kind(mounts, folder.resolve())
    return kind if kind in NETWORK_KINDS else None


def mac_network_kind(folder: Path, statfs: Callable[[bytes, Any], int]) -> str | None:
    """The kind of network drive a folder of a Mac lies on, by what ``statfs`` fills in; None for a local one."""
    facts = MacStatfs()
    if statfs(os.fsencode(folder.resolve()), ctypes.byref(facts)) != 0:
        return None
    kind = facts.f_fstypename.decode(errors="replace")
    is_local = bool(facts.f_flags & MAC_LOCAL) and kind not in NETWORK_KINDS
    return None if is_local else kind or "unknown"


def _mac_statfs() -> Callable[[bytes, Any], int]:
    """The system's own; Intel Macs keep an older one under the plain name."""
    library = ctypes.CDLL(None)
    return getattr(library, "statfs$INODE64", None) or library.statfs


def mounted_kind(mounts: str, folder: Path) -> str | None:
    """The file system that a folder lies on, by the text of ``/proc/self/mountinfo``: the deepest, latest mount."""
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        front, separator, back = line.partition(" - ")
        words = front.split()
        if not separator or len(words) < 5 or not back.split():
            continue
        point = Path(_unescaped(words[4]))
        if folder.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), back.split()[0])
    return best[1] if best else None


def _unescaped(point: str) -> str:
    """Blanks and backslashes of mount points are written as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)
