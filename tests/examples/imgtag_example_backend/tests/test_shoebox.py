"""The shoebox keeps the contract of blob stores."""

import json
from pathlib import Path

import pytest
from imgtag_example_backend import Shoebox

from imgtag.domain.keys import BlobKey
from imgtag.testing.contracts.blob_store import BlobStoreContract


class TestShoebox(BlobStoreContract[Shoebox]):
    """Looks into the folder on its own."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Shoebox:
        """Give an empty shoebox."""
        self.folder = tmp_path
        return Shoebox(tmp_path)

    async def raw_bytes(self, store: Shoebox, key: BlobKey) -> bytes | None:
        """Look for the key in every file."""
        for path in self.folder.glob("*.blob"):
            header, _, content = path.read_bytes().partition(b"\n")
            if json.loads(header)["key"] == str(key):
                return content
        return None

    async def plant(self, store: Shoebox, key: BlobKey, content: bytes) -> None:
        """Make a file."""
        header = json.dumps({"key": str(key), "content_type": "image/jpeg"})
        store._path(key).write_bytes(header.encode() + b"\n" + content)

    async def leftovers(self, store: Shoebox) -> int:
        """Count files that are no blobs."""
        return sum(path.suffix != ".blob" for path in self.folder.iterdir())
