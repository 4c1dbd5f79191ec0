"""deploy/terraform/README.md says what the configuration says."""

import re
from collections.abc import Iterator

from tests.infra.terraform import SOURCE

QUOTE = '"'
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_DESCRIPTION = re.compile(r'^  description = "(.*)"$', re.MULTILINE)
_DEFAULT = re.compile(r"^  default\s+= (.*)$", re.MULTILINE)


def rows(kind: str, file: str) -> Iterator[str]:
    """Write the row that each variable or output has in the README."""
    for found in _BLOCK.finditer((SOURCE / file).read_text()):
        if found[1] != kind:
            continue
        (description,) = _DESCRIPTION.findall(found[3])
        default = _DEFAULT.findall(found[3])
        row = f"| `{found[2]}` | {description} |"
        if kind == "variable":
            row += f" `{default[0].strip(QUOTE)}` |" if default else " |"
        yield row


def table(first: str) -> list[str]:
    """Read the rows of the README's table that begins with the column *first*."""
    text = (SOURCE / "README.md").read_text()
    _, _, rest = text.partition(f"| {first} |")
    return rest.partition("\n\n")[0].splitlines()[2:]


def test_the_inputs_are_told_as_they_are() -> None:
    """Each variable with its description and default."""
    assert table("input") == list(rows("variable", "variables.tf"))


def test_the_outputs_are_told_as_they_are() -> None:
    """Each output with its description."""
    assert table("output") == list(rows("output", "outputs.tf"))


def test_every_variable_and_output_is_described_and_typed() -> None:
    """In the modules too."""
    for path in SOURCE.rglob("*.tf"):
        for found in _BLOCK.finditer(path.read_text()):
            assert _DESCRIPTION.search(found[3]), (path, found[2])
            assert found[1] == "output" or re.search(r"^  type\s+= ", found[3], re.MULTILINE)
