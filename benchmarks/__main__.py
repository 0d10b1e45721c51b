"""make bench: every figure of speed in one table, each with its bar, about 20 quiet minutes.

    python -m benchmarks [training] [faces] [panel]      all three, or some of them

A figure is the median over the rounds of one run, with the smallest and the largest; ratios are of neighbours in time. On a
machine that does something else at the same time the figures of the panel say little.
"""

import contextlib
import statistics
import sys

from benchmarks import bench_faces, bench_live, bench_training

PARTS = {"training": bench_training.rows, "faces": bench_faces.rows, "panel": bench_live.rows}


def line(figure, values, bar):
    """Return a line of the table; bar: "≤ 1.05" or "≥ 1.2", or "" where there is none."""
    middle, verdict = statistics.median(values), ""
    if bar:
        kept = middle <= float(bar[2:]) if bar[0] == "≤" else middle >= float(bar[2:])
        verdict = "kept" if kept else "MISSED"
    spread = f"{min(values):.2f} to {max(values):.2f}" if len(values) > 1 else ""
    return f"{figure:70}{middle:9.2f}  {spread:18}{bar:>8}  {verdict}".rstrip()


def main(*parts):
    """Print the table, line by line as the figures come."""
    table = sys.stdout
    print(f"{'':70}{'median':>9}  {'range':18}{'bar':>8}")
    with contextlib.redirect_stdout(sys.stderr):  # bars of progress stay out of the table
        for part in parts or PARTS:
            for row in PARTS[part]():
                print(line(*row), file=table, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
