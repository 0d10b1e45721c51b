"""How long the tests of each lesson and group took, beside what stands in seconds.json: pytest --seconds.

Another machine is faster or slower as a whole, so a group has grown if its share has: by half, against the middle group.
"""

import collections
import json
import pathlib
import re
import statistics

STORED = pathlib.Path(__file__).with_name("seconds.json")
GROWN, LITTLE = 1.5, 10  # times as long as it was; seconds below which that says nothing
taken = collections.Counter()


def group_of(nodeid):
    """Return "lesson 08" for the notebook and the tests of lesson 08, else the folder or the file of the test."""
    path = nodeid.partition("::")[0]
    lesson = re.match(r"notebooks/(\d\d)_|tests/lessons/test_(\d\d)", path)
    if lesson:
        return f"lesson {lesson[1] or lesson[2]}"
    parts = path.split("/")
    return parts[1].removesuffix(".py") if len(parts) > 1 else path


def grown(now, before):
    """Return the groups that take a larger share of the time than before, as {group: times as long}."""
    ratios = {name: now[name] / before[name] for name in now if before.get(name, 0) > LITTLE}
    usual = statistics.median(ratios.values()) if ratios else 1
    return {name: ratio / usual for name, ratio in ratios.items() if ratio / usual > GROWN}


def pytest_addoption(parser):
    parser.addoption("--seconds", choices=["show", "store"], help="of each lesson and test group")


def pytest_runtest_logreport(report):
    taken[group_of(report.nodeid)] += report.duration


def pytest_terminal_summary(terminalreporter, config):
    what = config.getoption("--seconds")
    if not what or hasattr(config, "workerinput"):  # a worker has seen its own tests only
        return
    now = {name: round(seconds, 1) for name, seconds in sorted(taken.items())}
    before = json.loads(STORED.read_text()) if STORED.exists() else {}
    terminalreporter.section("seconds of each lesson and test group (stored)")
    for name, seconds in now.items():
        terminalreporter.line(f"{name:24}{seconds:8.0f}{before.get(name, 0):8.0f}")
    terminalreporter.line(f"{'all':24}{sum(now.values()):8.0f}{sum(before.values()):8.0f}")
    for name, ratio in grown(now, before).items():
        terminalreporter.line(f"{name} has grown: {ratio:.1f} times as long, beside the others")
    if what == "store":
        STORED.write_text(json.dumps(now, indent=1) + "\n")
