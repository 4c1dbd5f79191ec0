from xml.etree import ElementTree as ET

from imgtag.domain.sidecars import sidecar

DC = "{http://purl.org/dc/elements/1.1/}"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


def keywords(packet: bytes) -> list[str | None]:
    """Read the keywords of a packet as other tools do."""
    root = ET.fromstring(packet)  # noqa: S314 - our own bytes
    [bag] = root.iterfind(f".//{DC}subject/{RDF}Bag")
    return [item.text for item in bag.iterfind(f"{RDF}li")]


def test_labels_are_keywords_in_a_bag() -> None:
    """What is in a label stays text, markup too."""
    labels = ["Coast", "Rock & <Roll>", "Über\u00adsee", "]]>"]
    assert keywords(sidecar(labels)) == labels


def test_no_labels_are_an_empty_bag() -> None:
    """A photo without labels has a sidecar all the same."""
    assert keywords(sidecar([])) == []


def test_a_packet_is_marked_as_xmp_packets_are() -> None:
    """Readers look for the packet's marks (ISO 16684-1, 7.3.2)."""
    packet = sidecar(["Coast"])
    assert packet.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'.encode())
    assert packet.endswith(b'<?xpacket end="w"?>\n')
