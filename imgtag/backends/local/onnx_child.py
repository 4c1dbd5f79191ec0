"""The process that the model lives in: answers questions about pictures until its parent is gone.

It keeps onnxruntime and its memory out of the service, whose event loop it would slow down: see
`imgtag.backends.local.onnx_labeler`, which starts it through `imgtag.children`.
"""

import json
import socket
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock

from imgtag.backends.local.onnx_model import OnnxModel
from imgtag.backends.local.onnx_wire import Answer, Broken, Seen, pack_answer, read_question
from imgtag.domain.errors import Invalid


def serve(parent: socket.socket, argument: str) -> None:
    """Load the model, say so, and answer with as many threads as the parent wants.

    *argument* is JSON: ``{"folder": …, "threads": …}``.
    """
    asked = json.loads(argument)
    try:
        model = OnnxModel(Path(asked["folder"]))
    except Invalid as refusal:
        parent.sendall(pack_answer(0, refusal))
        return
    answer_all(parent, model, asked["threads"])


def answer_all(parent: socket.socket, model: OnnxModel, threads: int) -> None:
    """Say that *model* is there, and answer every question until the parent hangs up.

    Each of the *threads* reads its questions itself: handing them from one that reads to one that
    answers took a tenth of the process's time.
    """
    reading, sending = Lock(), Lock()

    def work() -> None:
        for number, seen in iter(next_question, None):
            said = pack_answer(number, _answer(model, seen))
            with sending, suppress(OSError):  # a parent that is gone needs no answer
                parent.sendall(said)

    def next_question() -> tuple[int, Seen] | None:
        with reading:
            return read_question(questions.read)

    parent.sendall(pack_answer(0, ()))
    with parent.makefile("rb") as questions, ThreadPoolExecutor(threads) as pool:
        for _ in range(threads):
            pool.submit(work)


def _answer(model: OnnxModel, seen: Seen) -> Answer:
    try:
        return model.label(seen)
    except Invalid as refusal:
        return refusal
    except Exception as error:  # noqa: BLE001 - somebody waits for an answer, whatever happens
        traceback.print_exc()
        return Broken(type(error).__name__)
