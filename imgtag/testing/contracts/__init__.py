"""One suite per port. An adapter's test file subclasses a suite and names what to test.

Run them with ``asyncio_mode = "auto"``: tests and fixtures are coroutines.
"""

from pkgutil import iter_modules

import pytest

# Assertions of a library tell nothing when they fail, unless pytest rewrites it too.
pytest.register_assert_rewrite(*(f"{__name__}.{suite.name}" for suite in iter_modules(__path__)))
