"""Processes of our own: what must not happen in the service happens in a child.

A child is a fresh interpreter with a socket to its parent as standard input. It ends when that
socket does, however the parent ended. `parent` is the one side, `child` the other.
"""
