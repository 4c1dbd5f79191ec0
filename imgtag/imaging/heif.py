"""Which way is up in a HEIC, where Exif and the container may disagree.

The container's own rotation and mirroring (ISO/IEC 23008-12, 6.5.10 and 6.5.12) win, and decoders
apply them; Exif then repeats what is done already. Some cameras' apps write Exif alone, and their
photos would lie on their side if it were ignored there as well.
"""

from collections.abc import Iterator


def orients_itself(data: bytes) -> bool:
    """Tell whether the container of the HEIC *data* rotates or mirrors."""
    meta = next((body for kind, body in _boxes(data) if kind == b"meta"), b"")
    return b"irot" in meta or b"imir" in meta


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        stop = at + size if size else len(data)
        if stop < at + 8:
            return
        yield kind, data[at:stop] if kind == b"meta" else b""
        at = stop
