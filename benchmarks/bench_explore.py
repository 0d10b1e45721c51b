"""Speed of the slider figures: the time from a slider's move in the kernel to the finished picture, in milliseconds."""

import statistics
import time

import numpy as np

from gan_edu.first_edition.explore import Explorer
from gan_edu.lessons import l01_distances as views
from gan_edu.lessons import l02_gan_game as game

VIEWS = (
    views.GaussianPairView, views.FitView, views.HistogramView, views.ParallelLinesView, views.TransportView,
    views.PlaygroundView, views.DualView, game.ValueView, game.PushView,
)  # fmt: skip


def redraws(explorer, moves=40):
    """Return the seconds that each redraw takes while each slider sweeps its range, and bars or buttons what they have."""
    seconds = []

    def timed(**values):
        begun = time.perf_counter()
        explorer.set(**values)
        seconds.append(time.perf_counter() - begun)

    for name, control in explorer._controls.items():
        if hasattr(control, "min"):
            for value in np.linspace(control.min, control.max, moves):
                timed(**{name: type(control.value)(value)})
    if hasattr(explorer.view, "drag"):
        for height in np.linspace(0, 1, moves):
            timed(
                p=(
                    height,
                    *(
                        [(1 - height) / (len(explorer.values["p"]) - 1)]
                        * (len(explorer.values["p"]) - 1)
                    ),
                )
            )
    return seconds


def main():
    """Print the median and the largest time of each figure; the aim is 50 ms."""
    print("\nRedraw of a slider figure, median (largest)")
    for view in VIEWS:
        explorer = Explorer(view(), name="bench")
        seconds = redraws(explorer)
        explorer.close()
        print(
            f"{view.__name__:52s} {1e3 * statistics.median(seconds):5.0f} ms  ({1e3 * max(seconds):.0f} ms)",
            flush=True,
        )


if __name__ == "__main__":
    main()
