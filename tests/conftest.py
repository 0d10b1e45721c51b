"""For all tests: Ctrl-C works in them, and a GPU can be faked."""

import signal

import pytest
import torch

# A process that a script starts in the background ignores Ctrl-C; the tests of interruption need it to work.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def gpu_beside_an_old_processor(monkeypatch):
    """As if there were a GPU with bfloat16, in a machine whose processor has no instructions for it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "Test GPU")
    for instructions in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, instructions, lambda: False)
