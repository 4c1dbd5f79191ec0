"""The process that the model lives in: answers questions about pictures until its parent is gone.

It keeps onnxruntime and its memory out of the service, whose event loop it would slow down: see
`imgtag.backends.local.onnx_labeler`, which starts ``onnx_child '{"folder": …, "threads": …}'``.
"""

import json
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock

from imgtag.backends.local.onnx_model import OnnxModel
from imgtag.backends.local.onnx_wire import Seen, pack_answer, read_question
from imgtag.children.child import NICENESS, begin
from imgtag.domain.errors import Invalid
from imgtag.domain.labels import LabelHit


def main() -> None:
    """Load the model, say so, and answer with as many threads as the parent wants."""
    asked = json.loads(sys.argv[1])
    with begin() as parent:
        os.nice(NICENESS)
        try:
            model = OnnxModel(Path(asked["folder"]))
        except Invalid as refusal:
            parent.sendall(pack_answer(0, refusal))
            return
        with ThreadPoolExecutor(asked["threads"]) as threads:
            _answer_all(parent, model, threads)


def _answer_all(parent: socket.socket, model: OnnxModel, threads: ThreadPoolExecutor) -> None:
    sending = Lock()

    def answer(number: int, seen: Seen) -> None:
        said = pack_answer(number, _answer(model, seen))
        with sending, suppress(OSError):  # a parent that is gone needs no answer
            parent.sendall(said)

    parent.sendall(pack_answer(0, ()))
    with parent.makefile("rb") as questions:
        for question in iter(partial(read_question, questions.read), None):
            threads.submit(answer, *question)
    threads.shutdown(cancel_futures=True)


def _answer(model: OnnxModel, seen: Seen) -> Sequence[LabelHit] | Invalid:
    try:
        return model.label(seen)
    except Invalid as refusal:
        return refusal


if __name__ == "__main__":
    main()
