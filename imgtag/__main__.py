"""Makes ``python -m imgtag`` and the console script ``imgtag`` the same program."""

import sys
from collections.abc import Sequence

from imgtag.cli.root import imgtag
from imgtag.cli.running import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code."""
    return run(imgtag, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
