"""What a thread sends in its turns."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from imgtag.pipeline import sending
from imgtag.pipeline.download import Damaged, Download
from imgtag.pipeline.files import FileChecker, open_file
from imgtag.pipeline.sending import Sender, Turn, archive_sender, file_sender
from tests.unit.archives import Files, lay_out, part_of

BODIES = [bytes([number]) * 70_000 for number in range(60)]
ARCHIVE = lay_out({f"{number}.jpg": body for number, body in enumerate(BODIES)})
WHOLE = part_of(ARCHIVE, BODIES)


async def nobody_asks(damaged: Damaged) -> None:
    """Hear of damage."""
    raise AssertionError(damaged)


@pytest.fixture
def source(tmp_path: Path) -> Files:
    """Put the members into a folder."""
    return Files(tmp_path, BODIES)


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Make both ends of a connection: ours, and the client's."""
    ours, clients = socket.socketpair()
    with ours, clients:
        ours.settimeout(0)
        clients.settimeout(0)
        yield ours, clients


def sender_of(source: Files, start: int = 0, stop: int = ARCHIVE.size) -> Sender:
    """Send a part of the archive."""
    download = Download(ARCHIVE, source, "photos.zip", "etag", nobody_asks)
    return archive_sender(download, FileChecker(), start, stop)


def read(client: socket.socket) -> bytes:
    """Take what has arrived."""
    pieces = []
    try:
        while piece := client.recv(1 << 20):
            pieces.append(piece)
    except BlockingIOError:
        pass
    return b"".join(pieces)


def send_all(sender: Sender, wire: tuple[socket.socket, socket.socket]) -> tuple[bytes, set[Turn]]:
    """Take turns until all is sent; answer with what arrived, and how the turns ended."""
    ours, client = wire
    arrived, turns = b"", set()
    with closing(sender):
        while Turn.DONE not in turns:
            turns.add(sender.turn(ours))
            arrived += read(client)
    return arrived, turns


def still_open(folder: Path) -> int:
    """Count the files of *folder* that this process has open."""
    return sum(link.resolve().is_relative_to(folder) for link in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, len(WHOLE)), (0, 1), (10, 90_000), (69_999, 1_400_000), (4_199_990, None)],
)
def test_a_part_arrives_to_the_byte(
    source: Files,
    wire: tuple[socket.socket, socket.socket],
    tmp_path: Path,
    start: int,
    stop: int | None,
) -> None:
    """However often the socket was full meanwhile, and nothing stays open."""
    stop = len(WHOLE) if stop is None else stop
    arrived, turns = send_all(sender_of(source, start, stop), wire)
    assert arrived == WHOLE[start:stop]
    assert (Turn.FULL in turns) == (stop - start > 1_000_000)
    assert still_open(tmp_path) == 0


def test_others_have_their_turn(
    source: Files, wire: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a turn may last no time at all, each ends early, and the next one goes on."""
    monkeypatch.setattr(sending, "TURN_SECONDS", 1e-9)
    ours, client = wire
    with closing(sender_of(source)) as sender:
        turns = [sender.turn(ours) for _ in range(3)]
        assert turns == [Turn.MORE] * 3
        monkeypatch.undo()
        arrived, _ = send_all(sender, wire)
    assert read(client) + arrived == WHOLE


def test_whoever_leaves_early_leaves_nothing_open(
    source: Files, wire: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """Files that were opened ahead are closed."""
    with closing(sender_of(source)) as sender:
        assert sender.turn(wire[0]) is Turn.FULL
        assert still_open(tmp_path) > 1
    assert still_open(tmp_path) == 0


@pytest.mark.parametrize("bad", [b"", BODIES[2][:-1], b"x" + BODIES[2][1:], None])
def test_damage_is_told_before_a_byte_of_it_is_sent(
    source: Files, wire: tuple[socket.socket, socket.socket], tmp_path: Path, bad: bytes | None
) -> None:
    """What comes before it has arrived by then."""
    path = source.file(2)
    if bad is None:
        path.unlink()
    else:
        path.write_bytes(bad)
    with pytest.raises(Damaged) as caught:
        send_all(sender_of(source), wire)
    assert caught.value.index == 2
    assert still_open(tmp_path) == 0


def test_a_file_of_which_nothing_was_sent_is_closed(tmp_path: Path) -> None:
    """The client may have left before the first turn."""
    path = tmp_path / "photo"
    path.write_bytes(BODIES[1])
    with closing(file_sender(open_file(path), 0, len(BODIES[1]))):
        assert still_open(tmp_path) == 1
    assert still_open(tmp_path) == 0


def test_a_client_that_left_is_told_as_such(
    source: Files, wire: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """By a `ConnectionError`, and nothing stays open."""
    ours, client = wire
    client.close()
    with pytest.raises(ConnectionError), closing(sender_of(source)) as sender:
        sender.turn(ours)
    assert still_open(tmp_path) == 0


def test_a_file_that_became_shorter_is_damage(
    wire: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """It never ends as if it were whole."""
    path = tmp_path / "photo"
    path.write_bytes(BODIES[1])
    sender = file_sender(open_file(path), 0, len(BODIES[1]))
    path.write_bytes(BODIES[1][:100])
    with pytest.raises(Damaged, match="shorter"):
        send_all(sender, wire)
