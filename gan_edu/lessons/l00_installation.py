"""What the start page looks at: is everything installed that the lessons need, and how fast is this machine?"""

import importlib.metadata
import os
import re
import sys
import time

OLDEST, NEWEST = (3, 11), (3, 13)  # versions of Python


def check_installation():
    """Say in a few lines whether this Python has what the lessons need, and what to do where not; return whether it has."""
    try:
        wanted = pinned(importlib.metadata.requires("gan_edu") or [])
    except importlib.metadata.PackageNotFoundError:
        print(
            "Not yet: gan_edu itself is not installed here. In its folder: pip install --no-deps -e ."
        )
        return False
    faults = version_faults(sys.version_info[:2]) + package_faults(wanted)
    for fault in faults:
        print(f"Not yet: {fault}")
    if faults:
        print(
            "To mend it, close JupyterLab and run make lab in the project's folder, or follow its README."
        )
        return False
    print(f"Python {sys.version.split()[0]} and {len(wanted)} packages: all as they should be.")
    import torch  # only now: it may be what is missing

    cores = f"{os.cpu_count()} processor cores, of which PyTorch uses {torch.get_num_threads()}"
    if torch.cuda.is_available():
        print(f"The lessons train on the processor: {cores}.")
        print(
            f"A GPU is here, too: {torch.cuda.get_device_name()}. "
            "No lesson needs it; python -m gan_edu.faces.train uses it."
        )
    else:
        print(f"No GPU, and none is needed: {cores}.")
    milliseconds = time_of_a_product(torch)
    verdict = (
        "fast enough for every lesson"
        if milliseconds < 60
        else "slow: is another program busy? Close it before you train"
    )
    print(f"A product of two 1000 × 1000 matrices takes {milliseconds:.0f} ms: {verdict}.")
    return True


def pinned(requirements):
    """Return {package: version} of the pins among requirement lines, those of optional extras left out."""
    lines = [line for line in requirements if "extra ==" not in line]
    return {
        m[1]: m[2] for m in (re.match(r"([\w.-]+)\s*==\s*([\w.+!-]+)", line) for line in lines) if m
    }


def version_faults(version):
    """Return what is wrong with a version of Python, (major, minor), as a list of sentences."""
    if OLDEST <= tuple(version) <= NEWEST:
        return []
    return [f"this is Python {version[0]}.{version[1]}; the lessons need 3.11, 3.12 or 3.13."]


def package_faults(wanted, installed=None):
    """Return what is missing or of another version than in wanted, {package: version}, as a list of sentences."""
    faults = []
    for name, version in wanted.items():
        found = _installed(name) if installed is None else installed.get(name)
        if found is None:
            faults.append(f"{name} is missing; the lessons were tested with {version}.")
        elif found.split("+")[0] != version:  # 2.13.0+cpu is the CPU build of 2.13.0
            faults.append(f"{name} is here as {found}; the lessons were tested with {version}.")
    return faults


def time_of_a_product(torch, size=1000, repetitions=5):
    """Return the milliseconds that a product of two size x size matrices takes, the best of a few."""
    a = torch.ones(size, size)
    best = float("inf")
    for _ in range(repetitions):
        begun = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - begun)
    return 1000 * best


def _installed(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
