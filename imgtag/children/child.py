"""What a child process does first: ``python -m imgtag.children.child MODULE ARGUMENT``.

It imports nothing large, so that hardly any time is left in which a Ctrl-C could hit it.
"""

import os
import signal
import socket
import sys
from importlib import import_module
from typing import Final

# Photos can wait, people don't.
_NICENESS: Final = 5


def main() -> None:
    """Stand back from the parent, and have ``MODULE.serve`` answer it."""
    module, argument = sys.argv[1:]
    with _begin() as parent:
        import_module(module).serve(parent, argument)


def _begin() -> socket.socket:
    """Leave the signals of a terminal to the parent, and give the socket to it.

    A process group of its own, not a session: Linux would weigh each session like the whole
    service (sched(7), autogroups), and niceness would count for nothing.
    """
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        # What is sent to all is for the parent, which drains; a child ends when its parent does.
        signal.signal(number, signal.SIG_IGN)
    os.nice(_NICENESS)
    return socket.socket(fileno=0)


if __name__ == "__main__":
    main()
