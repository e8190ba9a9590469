"""What the limited decoder process and its user say to each other: fixed-size messages over a socket, samples through
two slots of shared memory. Neither side takes the other's numbers on trust.
"""

import struct
from typing import Final

READY: Final = b"R"
OPEN, FILL, CLOSE = b"O", b"F", b"C"
REQUEST: Final = struct.Struct("<cB")  # what, slot
OPENED: Final = struct.Struct("<?8s24sqqq")  # readable, container, subtype, rate, channels, length
FILLED: Final = struct.Struct("<?q")  # went well, samples per channel in the slot

SLOTS: Final = 2
SLOT_BYTES: Final = 1 << 19
SHARED_BYTES: Final = SLOTS * SLOT_BYTES


def slot_samples(channels: int) -> int:
    """Samples per channel that a slot holds."""
    return SLOT_BYTES // (4 * channels)
