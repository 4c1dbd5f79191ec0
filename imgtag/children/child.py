"""What a child process does first."""

import os
import signal
import socket

NICENESS = 5
"""How far a child stands back: photos can wait, people don't."""


def begin() -> socket.socket:
    """Leave the signals of a terminal to the parent, and give the socket to it.

    A process group of its own, not a session: Linux would weigh each session like the whole
    service (sched(7), autogroups), and niceness would count for nothing.
    """
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        # What is sent to all is for the parent, which drains; a child ends when its parent does.
        signal.signal(number, signal.SIG_IGN)
    return socket.socket(fileno=0)
