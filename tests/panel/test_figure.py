"""The page's figure: matplotlib's words, the same data in both, errors that say what is known."""

import json

import numpy as np
import pytest
import torch
from core.loops import RING_KNOBS, clipped_step, ring_build, ring_step
from matplotlib.figure import Figure as Still
from panel.pictures import assert_alike, of_matplotlib, of_page
from panel.views import plane

from gan_edu.panel.figure import Figure, describe, handle, handles
from gan_edu.panel.live import draw
from gan_edu.run import Run


def every_word(fig):
    """A view that says each word that axes in a panel know."""
    rng = np.random.default_rng(0)
    x = np.linspace(0, 3, 7)
    one, two, three = fig.subplots(3, height_ratios=[1, 2, 1])
    one.plot(x**2)
    one.plot(x, x, "o--", color="#CC79A7", lw=2, label="dots")
    one.plot(x, np.stack([x, -x], 1), "k:")
    one.step(x, x + 1)
    one.step(x, x + 2, where="post", ls="--")
    one.errorbar(x, x, yerr=0.5)
    one.errorbar(x, x + 1, yerr=[x / 2, x / 3], fmt="none", color="red")
    one.axvline(1, color="0.5", ls=":", label="one")
    one.axhline(2.5, lw=3)
    one.text(1, 2, "here", ha="center")
    one.text(0.5, 0.5, "there", transform=one.transAxes)
    one.annotate("look", (1, 1), xytext=(2, 2), arrowprops=dict(arrowstyle="->"))
    one.set(xlim=(-1, 4), ylabel="y", title="words", xlabel="x", yscale="linear", xticks=[0, 1, 2])
    one.legend()
    two.scatter(x, x, c=x, cmap="viridis", s=30)
    two.scatter(x, -x, marker="x", alpha=0.5)
    two.scatter(x, x - 1, color="C3")
    two.fill_between(x, x, alpha=0.3)
    two.fill_between(x, x - 2, x - 1, color="green")
    two.hist(rng.normal(size=50), bins=8, range=(-2, 2), density=True, alpha=0.4)
    two.bar(["a", "b"], [1, 2])
    two.bar(x, x, width=0.1, bottom=1)
    two.quiver(x, x, x, -x, angles="xy", scale_units="xy", scale=2)
    three.imshow(rng.random((4, 5)), cmap="viridis", vmin=0, vmax=1)
    three.axis("off")
    four = fig.subplots(1, 2)[1]
    X, Y = np.meshgrid(x, x[:5])
    four.contourf(X, Y, X * Y, levels=5)
    four.contourf(x, x[:5], X + Y, levels=[0, 1, 2, 4])
    handle(four, "where", (1, 2))
    handles(four, "parts", [0, 1, 2], (0.5, 0.2, 0.3))
    describe(fig, "all words")


def test_the_same_data_in_the_page_and_as_a_still():
    page, still = Figure(), Still()
    for fig in (page, still):
        every_word(fig)
    assert page.words == still.words == "all words"
    data = of_page(page)
    assert_alike(data, of_matplotlib(still, data))
    json.dumps(page.header(), allow_nan=False)


def test_a_run_is_drawn_the_same_in_both():
    run = Run(ring_build, ring_step, RING_KNOBS).steps(30)
    run.set(lambda_gp=2.0)
    run.steps(30).use(clipped_step)
    run.steps(5)
    page, still = Figure(), Still()
    ghost = run.log.first(40)
    for fig in (page, still):
        draw(plane, fig, run, [ghost])
    data = of_page(page)
    assert_alike(data, of_matplotlib(still, data))
    marks = page.axes[1].head["layers"][-1]
    assert marks["labels"] == ["step 30: lambda_gp = 2.0", "step 60: step = clipped_step"]
    assert len(page.block) < 32_000


@pytest.mark.parametrize("wrong, words", [
    (lambda ax: ax.hexbin([1], [1]), "axes in a panel have no 'hexbin'; they know plot, step, scatter"),
    (lambda ax: ax.figure.colorbar(), "a figure in a panel has no 'colorbar'; it knows subplots"),
    (lambda ax: ax.scatter([1], [1], edgecolors="k"), "scatter has no 'edgecolors' in a panel; it knows x, y, s"),
    (lambda ax: ax.set(facecolor="k"), "set has no 'facecolor' in a panel; it knows title"),
    (lambda ax: ax.plot([1, 2], [1, 2, 3]), r"plot: lengths must be equal, got shapes \(2,\), \(3,\)"),
    (lambda ax: ax.plot(torch.ones(3, requires_grad=True)), "plot: this cannot be drawn, .*detach"),
    (lambda ax: ax.plot(torch.ones(3, dtype=torch.bfloat16)), "plot: this cannot be drawn, .*BFloat16"),
    (lambda ax: ax.plot(["a", "b"]), "plot: this cannot be drawn"),
    (lambda ax: ax.plot([1], [1], "o", [2], [2], "x"), "plot: one line at a time"),
    (lambda ax: ax.quiver([1], [1], [1], [1]), 'quiver: arrows are in data units: angles="xy"'),
    (lambda ax: ax.contourf([0, 1], [0, 1, 2], np.ones((2, 2))), r"Z must have shape \(3, 2\)"),
    (lambda ax: ax.contourf([0, 1, 5], [0, 1], np.ones((2, 3))), "X and Y must be evenly spaced"),
    (lambda ax: ax.imshow(np.ones((2, 2, 2))), "a picture has shape"),
    (lambda ax: ax.step([1], [1], where="mid"), "where must be 'pre' or 'post'"),
    (lambda ax: ax.axis("equal"), "axis knows only 'off'"),
])  # fmt: skip
def test_what_is_not_known_says_what_is(wrong, words):
    with pytest.raises((AttributeError, TypeError, ValueError), match=words):
        wrong(Figure().subplots())


def test_what_is_drawn_can_be_read_by_the_page():
    ax = Figure().subplots()
    ax.set(title=3, xlabel=np.float64(2))
    ax.axvline(float("nan"))  # nowhere
    ax.quiver([0], [0], [1], [1], angles="xy", scale_units="xy", scale=np.sqrt(2.0))
    json.dumps(ax.head, allow_nan=False)
    assert (ax.head["title"], ax.head["xlabel"]) == ("3", "2.0")
    assert [part[2] for layer in ax.head["layers"] for part in layer["data"]] == ["f4"] * 4


def test_subplots_are_arranged_as_in_matplotlib():
    shapes = [(), (1, 3), (3, 1), (2, 2)]
    for shape in shapes:
        assert np.shape(Figure().subplots(*shape)) == np.shape(Still().subplots(*shape))
    fig = Figure()
    a, b = fig.subplots(1, 2, width_ratios=[1, 3])
    assert [ax.head["box"] for ax in (a, b)] == [[0, 0, 0.25, 1], [0.25, 0, 0.75, 1]]
    with pytest.raises(ValueError, match="ratios must be 2 numbers, got 3"):
        fig.subplots(1, 2, width_ratios=[1, 2, 3])
