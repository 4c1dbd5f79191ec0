"""What a backend's author needs to prove that it keeps the contract: see docs/backends.md.

`contracts` holds one suite per port, `faults` makes a port misbehave on purpose, `clock` is a clock
that stands until it is moved, and `photos` makes photos, labels, bundles and small JPEGs.
"""
