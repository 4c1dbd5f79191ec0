import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from imgtag.backends.local.onnx_child import answer_all
from imgtag.backends.local.onnx_labeler import OnnxLabeler, open_labeler
from imgtag.backends.local.onnx_model import OnnxModel
from imgtag.backends.local.onnx_wire import Answer, Broken, Seen, pack_question, take_answers
from imgtag.domain.errors import Invalid, Unavailable
from imgtag.domain.labels import LabelHit
from tests.unit.model_folders import BLUE, GREEN, RED, folder, jpeg, subject
from tests.unit.processes import DEADLINE_SECONDS, gone, until

Colour = tuple[int, int, int]

MODULE = "imgtag.backends.local.onnx_child"


@pytest.fixture
async def labeler(tmp_path: Path) -> AsyncIterator[OnnxLabeler]:
    """Run a model that answers with the mean of each colour."""
    async with open_labeler(folder(tmp_path)) as opened:
        yield opened


async def together(labeler: OnnxLabeler, colours: Sequence[Colour]) -> Sequence[str]:
    """Ask of all *colours* at once, and name what was seen."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(labeler.detect(subject(jpeg(each)))) for each in colours]
    return [surest(task.result()) for task in tasks]


def surest(hits: Sequence[LabelHit]) -> str:
    """Name the colour that was seen."""
    return next(hit.name for hit in hits if hit.name != "Colour")


async def test_answers_are_not_mixed_up(labeler: OnnxLabeler) -> None:
    """Of many questions at once, each gets its own answer."""
    colours = {"Red": RED, "Green": GREEN, "Blue": BLUE}
    asked = [*colours] * 20
    found = await together(labeler, [colours[name] for name in asked])
    assert found == asked


async def test_one_bad_photo_spoils_no_other(labeler: OnnxLabeler) -> None:
    """A photo that can't be read is refused, and the same process answers the next."""
    process = labeler.process.process_id
    with pytest.raises(Invalid) as caught:
        await labeler.detect(subject(b"no photo"))
    assert caught.value.code == "damaged_photo"
    assert surest(await labeler.detect(subject(jpeg(RED)))) == "Red"
    assert labeler.process.process_id == process


async def test_killed(labeler: OnnxLabeler) -> None:
    """Whoever asks a process that is killed is told to try again, and then a new one answers."""
    killed = labeler.process.process_id
    os.kill(killed, signal.SIGSTOP)
    asyncio.get_running_loop().call_soon(os.kill, killed, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await labeler.detect(subject(jpeg(RED)))
    assert surest(await labeler.detect(subject(jpeg(GREEN)))) == "Green"
    assert labeler.process.process_id != killed


async def test_only_one_is_started_again(labeler: OnnxLabeler) -> None:
    """Those who ask at once after a breakdown share one new process."""
    killed = labeler.process.process_id
    os.kill(killed, signal.SIGKILL)
    await until(lambda: labeler.process.ended)
    assert await together(labeler, [RED] * 5) == ["Red"] * 5
    children = [child for child in psutil.Process().children() if not gone(child.pid)]
    models = [child.pid for child in children if MODULE in child.cmdline()]
    assert models == [labeler.process.process_id]


async def test_whoever_gives_up_disturbs_nobody(labeler: OnnxLabeler) -> None:
    """A question that is cancelled leaves the others their answers."""
    async with asyncio.TaskGroup() as group:
        given_up = group.create_task(labeler.detect(subject(jpeg(BLUE))))
        other = group.create_task(labeler.detect(subject(jpeg(RED))))
        asyncio.get_running_loop().call_soon(given_up.cancel)
    assert surest(other.result()) == "Red"
    assert given_up.cancelled()


async def test_signals_for_all(labeler: OnnxLabeler) -> None:
    """SIGTERM and SIGINT are for the parent: the model goes on until it is told."""
    process = labeler.process.process_id
    os.kill(process, signal.SIGTERM)
    os.kill(process, signal.SIGINT)
    assert surest(await labeler.detect(subject(jpeg(RED)))) == "Red"
    assert labeler.process.process_id == process


async def test_knows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process sees no variable of ours, and stands back behind the service."""
    monkeypatch.setenv("IMGTAG_SECRET", "secret")
    async with open_labeler(folder(tmp_path)) as labeler:
        process = psutil.Process(labeler.process.process_id)
        assert "IMGTAG_SECRET" not in process.environ()
        assert process.nice() > psutil.Process().nice()


async def test_ends_with_the_labeler(tmp_path: Path) -> None:
    """Nothing runs on once the labeler is closed."""
    async with open_labeler(folder(tmp_path)) as labeler:
        process = labeler.process.process_id
    assert gone(process)


async def test_broken_model(tmp_path: Path) -> None:
    """What is wrong with a folder is said at once, as if there were no other process."""
    (folder(tmp_path) / "model.onnx").write_bytes(b"garbage")
    with pytest.raises(Invalid, match=r"model\.onnx can't be loaded") as caught:
        async with open_labeler(tmp_path):
            pass
    assert caught.value.code == "invalid_model"


async def test_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that doesn't start is something worth a retry."""
    for program in ("/bin/false", "/nowhere/python"):
        monkeypatch.setattr(sys, "executable", program)
        with pytest.raises(Unavailable, match="did not start"):
            async with open_labeler(folder(tmp_path)):
                pass


PARENT = """
import asyncio, sys
from pathlib import Path
from imgtag.backends.local.onnx_labeler import open_labeler

async def main():
    async with open_labeler(Path(sys.argv[1])) as labeler:
        print(labeler.process.process_id, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_no_orphans(tmp_path: Path) -> None:
    """The process ends with its parent, even one that was killed."""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(folder(tmp_path))), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    process = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await until(lambda: gone(process))


async def test_a_folder_that_broke_meanwhile_blames_no_photo(
    labeler: OnnxLabeler, tmp_path: Path
) -> None:
    """A process that can't be started again is worth a retry, and back once the folder is."""
    graph = tmp_path / "model.onnx"
    kept = graph.read_bytes()
    graph.unlink()
    os.kill(labeler.process.process_id, signal.SIGKILL)
    await until(lambda: labeler.process.ended)
    with pytest.raises(Unavailable, match="is missing"):
        await labeler.detect(subject(jpeg(RED)))
    graph.write_bytes(kept)
    assert surest(await labeler.detect(subject(jpeg(RED)))) == "Red"


async def test_another_model_after_a_restart_is_named(labeler: OnnxLabeler, tmp_path: Path) -> None:
    """What a new process says is kept under the name of the model that it loaded."""
    folder(tmp_path, version="2")
    os.kill(labeler.process.process_id, signal.SIGKILL)
    await until(lambda: labeler.process.ended)
    await labeler.detect(subject(jpeg(RED)))
    assert labeler.model == "colours-2"


class Failing(OnnxModel):
    """A model that fails at a picture."""

    def __init__(self) -> None:
        """Load nothing."""

    def label(self, seen: Seen) -> tuple[LabelHit, ...]:
        raise RuntimeError(seen)


def test_whatever_fails_is_answered() -> None:
    """A model that raises what nobody foresaw keeps nobody waiting."""
    ours, theirs = socket.socketpair()
    ours.settimeout(DEADLINE_SECONDS)
    with ours, theirs, ThreadPoolExecutor(1) as child:
        running = child.submit(answer_all, theirs, Failing(), 1)
        ours.sendall(b"".join(pack_question(7, b"photo")))
        received, answers = bytearray(), list[tuple[int, Answer]]()
        while len(answers) < 2:
            received += ours.recv(4096)
            answers += take_answers(received)
        ours.shutdown(socket.SHUT_RDWR)
        running.result(DEADLINE_SECONDS)
    assert answers[0] == (0, ())
    number, failure = answers[1]
    assert number == 7
    assert isinstance(failure, Broken)
    assert str(failure) == "RuntimeError"


def test_a_child_begins_with_next_to_nothing() -> None:
    """Until it has left a terminal's signals to its parent, a child has loaded nothing large."""
    program = (
        "import sys, imgtag.children.child;"
        "sys.exit(bool({'asyncio', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
