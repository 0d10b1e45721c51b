"""The notebooks run as a learner runs them, and what goes wrong in the background fails them too.

The one place that knows the tool which runs them, nbval; conftest.py of the project loads it. The tool does not see an
exception in a thread or in a task, nor work that is still going on after the last cell. A first cell that collects such
faults and a last cell that reports them are put around every notebook, in memory only.
"""

import collections
import os
import shutil
import tempfile
import textwrap

import nbformat
import nbval.kernel
import pytest
from jupyter_client.manager import KernelManager
from nbval.plugin import IPyNbCell, IPyNbFile

FIRST = textwrap.dedent(
    """
    import asyncio as _asyncio, sys as _sys, threading as _threading
    _faults = []
    _threads_before = set(_threading.enumerate())
    _threading.excepthook = lambda fault: _faults.append(f"thread {fault.thread.name}: {fault.exc_value!r}")
    _sys.unraisablehook = lambda fault: _faults.append(f"unraisable: {fault.exc_value!r}")
    _tasks_before = set(_asyncio.all_tasks())
    _asyncio.get_running_loop().set_exception_handler(lambda loop, context: _faults.append(f"task: {context}"))
    """
)
LAST = textwrap.dedent(
    """
    import gc as _gc, os as _os
    await _asyncio.sleep(0.2)  # tasks that are ready may run and fail
    _gc.collect()  # a failed task that nobody holds reports when it is collected
    for _task in _gc.get_objects():
        if isinstance(_task, _asyncio.Task) and _task.done() and _task._log_traceback:  # failed, and nobody has asked
            _faults.append(f"task: {_task!r}")
    for _task in _asyncio.all_tasks() - _tasks_before - {_asyncio.current_task()}:
        _file = _task.get_coro().cr_code.co_filename
        if not any(f"{_os.sep}{_home}{_os.sep}" in _file for _home in ("ipykernel", "IPython")):  # the kernel's own
            _faults.append(f"unfinished task: {_task!r}")
    if "gan_edu.panel.page" in _sys.modules:
        for _panel in _sys.modules["gan_edu.panel.page"].TRAINER.panels.values():
            if getattr(_panel, "playing", False):
                _faults.append("a panel is still playing after the last cell")
            if _panel.fault:
                _faults.append(f"a panel has a fault: {_panel.fault}")
    for _thread in set(_threading.enumerate()) - _threads_before:
        if not _thread.daemon:
            _faults.append(f"unfinished thread: {_thread.name}")
    assert not _faults, _faults
    """
)
_collect = IPyNbFile.collect


def _with_sentinels(self):
    """Collect the notebook's cells with the two above around them."""
    yield _sentinel(self, "before the first cell", FIRST)
    yield from _collect(self)
    yield _sentinel(self, "after the last cell", LAST)


def _sentinel(parent, name, source):
    cell = nbformat.v4.new_code_cell(source.strip())
    more = dict(cell_num=-1, cell=cell, options=collections.defaultdict(bool))
    return IPyNbCell.from_parent(parent, name=name, **more)


IPyNbFile.collect = _with_sentinels


class _Manager(KernelManager):
    """A kernel behind sockets in a folder of its own: two that begin at the same moment can be given the same port."""

    def __init__(self, **settings):
        self._folder = tempfile.mkdtemp(prefix="gan_edu_")
        super().__init__(transport="ipc", ip=f"{self._folder}/kernel", **settings)

    def cleanup_ipc_files(self):
        shutil.rmtree(self._folder, ignore_errors=True)


if os.name == "posix":  # Windows has no such sockets
    nbval.kernel.KernelManager = _Manager


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Have notebooks collected, with these settings in place of options on the command line."""
    config.option.nbval = True
    # Only for a cell that hangs: a slow machine may take its time.
    config.option.nbval_cell_timeout = 3600
    config.option.nbval_kernel_name = "python3"
