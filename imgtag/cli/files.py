"""Files that commands read: regular ones, since a device or a pipe may have no end."""

import os
from pathlib import Path
from typing import Any

import click


class RegularFile(click.Path):
    """An argument that names a regular file, followed through links."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, readable=True, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Check that it is one."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.is_file():
            self.fail(f"'{path}' is no regular file.", param, ctx)
        return path
