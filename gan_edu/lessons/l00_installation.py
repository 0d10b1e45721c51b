"""What the start page looks at: is everything installed that the lessons need, and how fast is this machine?"""

import os
import re
import sys
import timeit
from importlib.metadata import PackageNotFoundError, requires, version

PIN = re.compile(r"([\w.-]+)\s*==\s*([\w.+!-]+)$")  # not those of optional extras, which go on


def check_installation():
    """Say in a few lines whether this Python has what the lessons need, and what to do where not; return whether it has."""
    try:
        pins = [pin.groups() for pin in map(PIN.match, requires("gan_edu")) if pin]
    except PackageNotFoundError:
        words = "gan_edu itself is not installed here. In its folder: pip install --no-deps -e ."
        print(f"Not yet: {words}")
        return False
    faults = [fault for pin in pins if (fault := fault_of(*pin))]
    if faults:
        print(*(f"Not yet: {fault}" for fault in faults), sep="\n")
        advice = "run make lab in the project's folder, or follow its README."
        print(f"To mend it, close JupyterLab and {advice}")
        return False
    import torch  # only now: it may be what is missing

    print(f"Python {sys.version.split()[0]} and {len(pins)} packages: all as they should be.")
    cores = f"{os.cpu_count()} processor cores, of which PyTorch uses {torch.get_num_threads()}"
    if torch.cuda.is_available():
        use = "No lesson needs it; python -m gan_edu.faces.train uses it."
        print(f"The lessons train on the processor: {cores}.")
        print(f"A GPU is here, too: {torch.cuda.get_device_name()}. {use}")
    else:
        print(f"No GPU, and none is needed: {cores}.")
    a = torch.ones(1000, 1000)
    time = 1000 * min(timeit.repeat(lambda: a @ a, number=1, repeat=5))
    slow = "slow: is another program busy? Close it before you train"
    verdict = "fast enough for every lesson" if time < 60 else slow
    print(f"A product of two 1000 × 1000 matrices takes {time:.0f} ms: {verdict}.")
    return True


def fault_of(package, wanted):
    """Return what is wrong with a package, or nothing."""
    try:
        found = version(package)
    except PackageNotFoundError:
        return f"{package} is missing; the lessons were tested with {wanted}."
    if found.split("+")[0] != wanted:  # 2.13.0+cpu is the CPU build of 2.13.0
        return f"{package} is here as {found}; the lessons were tested with {wanted}."
    return ""
