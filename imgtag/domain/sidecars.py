"""XMP sidecars: a photo's labels where Lightroom, digiKam and darktable look for them.

The packet is XMP part 1 (ISO 16684-1); keywords are ``dc:subject``, an unordered bag.
"""

from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape

_HEAD: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    '  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
    "   <dc:subject>\n    <rdf:Bag>\n"
)
_TAIL: Final = (
    "    </rdf:Bag>\n   </dc:subject>\n  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
    '<?xpacket end="w"?>\n'
)


def sidecar(labels: Iterable[str]) -> bytes:
    """Write the sidecar of a photo with *labels*. The same labels give the same bytes."""
    items = "".join(f"     <rdf:li>{escape(label)}</rdf:li>\n" for label in labels)
    return f"{_HEAD}{items}{_TAIL}".encode()
