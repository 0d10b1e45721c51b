"""For all tests: Ctrl-C works in them, and no panel stays open from one file to the next."""

import signal
import sys

import pytest

# A process that a script starts in the background ignores Ctrl-C; the tests of interruption need it to work.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def close_panels():
    """Close what a test file leaves open: a panel without a notebook cell would be found by the next file."""
    yield
    screen = sys.modules.get("gan_edu.first_edition.screen")
    for panel in list(screen.Panel._open.values()) if screen else ():
        panel.close()
    if screen:
        screen.Panel._open.clear()
