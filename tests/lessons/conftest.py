"""For the tests of a lesson: what its page defines."""

import pytest

from notebooks import definitions


@pytest.fixture(scope="module")
def lesson(request):
    """What the page of this file's lesson defines, in its cells tagged "define"."""
    return definitions(request.path.name[5:7])
