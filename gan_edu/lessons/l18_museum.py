"""Lesson 18: what the museum's runs, pictures and scores look like."""

import numpy as np
import torch
from IPython.display import HTML

from gan_edu.faces import make_faces
from gan_edu.lessons.l18_program import PARTS, ring
from gan_edu.lessons.l18_verdicts import last_gap, made, slopes
from gan_edu.panel.figure import curves, describe
from gan_edu.predict import shown
from gan_edu.style import CRITIC, REAL
from gan_edu.views import drawing, picture, score_plane

SEEDED = torch.Generator().manual_seed(18)
REAL_400, LATENTS = ring(400, generator=SEEDED), torch.randn(400, 2, generator=SEEDED)


def view_ring(fig, gan, log):
    """Draw samples over the critic's scores, and the critic's gap."""
    left, right = fig.subplots(1, 2, width_ratios=[1, 1.2])
    x_fake = gan.G(LATENTS).detach()
    far = x_fake.norm(dim=1).mean()
    score_plane(left, gan.D, REAL_400, x_fake, 3.5, title=f"mean distance from the middle: {far:.3g}")  # fmt: skip
    curves(right, log, "critic gap", colors=[CRITIC])
    right.set(title="the critic's gap", ylabel="critic gap (score)")
    gap = f"the critic's gap is {log['critic gap'][-1]:.3g}" if log.n else "nothing is trained"
    describe(fig, f"After {log.n} steps the generated points lie {far:.3g} on average from the middle; the real ones 1.42; {gap}.")  # fmt: skip


def mosaic(x, columns):
    """Return pictures (n, channels, S, S) in [-1, 1] as one picture (rows, columns, channels) in [0, 1]."""
    n, c, size, _ = x.shape
    page = torch.full((n, c, size + 2, size + 2), 0.0)
    page[..., :size, :size] = x
    page = page.reshape(-1, columns, c, size + 2, size + 2).permute(0, 3, 1, 4, 2)
    return ((page.reshape(-1, columns * (size + 2), c) + 1) / 2).clamp(0, 1)[:-2, :-2].numpy()


@drawing
def draw_faces(fig, to_tensor):
    """Draw six faces of 24 x 24 pixels, as files have them and as to_tensor hands them to the networks."""
    files = make_faces(6, seed=3, size=24)[0].permute(0, 2, 3, 1).contiguous().numpy()
    both = PARTS["to_tensor"](files), to_tensor(files)
    titles = "in the files", "as to_tensor hands them on"
    for ax, x, title in zip(fig.subplots(1, 2), both, titles):
        picture(ax, mosaic(x, 3), title)
    same = torch.allclose(*both)
    said = "the same" if same else "stripes and dots of wrong colours, in which no face is left"
    describe(fig, f"On the left, six painted faces; on the right, what the networks get: {said}.")


@drawing
def draw_digits(fig, runs):
    """Draw 25 generated digits of seed 0, and the critic's gap of all runs."""
    left, right = fig.subplots(1, 2, width_ratios=[1, 1.5])
    picture(left, mosaic(made(runs, 25)[0], 5)[..., 0], "25 digits of seed 0", cmap="gray", vmin=0, vmax=1)  # fmt: skip
    gaps = runs.log["critic gap"].T
    right.plot(np.arange(1, len(gaps) + 1), gaps, color=CRITIC, lw=0.8, alpha=0.6)
    right.set(xlabel="training step", ylabel="critic gap (score)", title="critic gap, eight seeds")
    norm, gap = np.median(slopes(runs)), np.median(last_gap(runs))
    describe(fig, f"25 generated digits after {len(gaps)} steps; the critic's gap ends at {gap:.3g}, its gradient has the norm {norm:.3g} (medians).")  # fmt: skip


@drawing
def draw_rays(fig, make_critic):
    """Draw scores of a fresh critic along five rays from the middle."""
    ax, r = fig.subplots(), torch.linspace(0, 3, 61)
    torch.manual_seed(1)
    D = make_critic(2)
    for angle in torch.arange(5) * 2 * torch.pi / 5:
        x = r[:, None] * torch.stack([angle.cos(), angle.sin()])
        ax.plot(r, D(x).detach()[:, 0], color=CRITIC, lw=1.5)
    ax.axvline(2**0.5, color=REAL, ls="--", label="radius of the real ring")
    ax.legend(loc="lower left")
    ax.set(xlabel="distance from the middle", ylabel="score", title="scores along five rays")
    fig.set_size_inches(9, 3.1)
    bend = max((D(2 * x) - 2 * D(x)).abs().item() for x in torch.eye(2)[:, None])
    how = "straight lines from score 0" if bend < 1e-5 else "bent lines"
    describe(fig, f"Scores of a fresh critic along five rays from the middle: five {how}.")


def show(draw):
    """Return the figure of draw(fig), to stand below a cell."""
    return HTML(shown(draw))


ANSWERS = {  # of the guesses, by room, so that no page has them: (line, why)
    1: ("(b)", "The critic's loss (a) makes the scores of generated samples fall. The generator should make them rise. But an optimiser goes downhill, and downhill in (b) the scores fall, too: nobody works against the critic. No learning rate and no λ turns a sign round."),
    2: ("(c)", "<code>sum(1)</code> adds along axis 1 alone. That is right for points (n, 2). For digits (n, 1, 8, 8) axis 1 holds the one channel, so <code>norm</code> has the shape (n, 8, 8), and the mean at the end takes every shape. Each <i>pixel</i> is asked for slope 1, not each picture."),
    3: ("(a)", "<code>x_fake</code> is still connected to the generator's weights. So the critic's <code>backward</code> goes on into the generator's weights and leaves a gradient there that makes the scores fall. (b) clears the critic's gradients alone, and (c), a usual place to clear, comes too late here (clearing before the generator's <code>backward</code> would hide the fault). <code>retain_graph=True</code> silenced the error message that would have shown it: the generator's turn goes through the same <code>x_fake</code> again. (With new samples for it, as in lesson 8, there would have been no error at all.)"),
    4: ("bias=False", "The other two are in the repaired code, too. What the missing biases forbid, the next guess shows."),
    "4, twice": "Without biases the critic's score is a straight line along each ray from the middle. So it can say that the samples in some direction are too far out on average. It cannot say that some are too far out <i>and</i> others too far in.",
    5: ("(b)", "<code>reshape</code> keeps the numbers in their order and only cuts the row anew. In the file red, green and blue of one pixel stand side by side. Now they are three neighbouring pixels of one channel."),
    6: ("(c)", "The penalty is calculated, and then nobody adds it."),
    7: ("(b)", "The discriminator judges the latents, as if they were samples."),
    8: ("(a)", "It takes the points out of the list, as <code>points.splice(i, i + 1)</code> does in JavaScript. The next turn goes on in a list that is shorter."),
    9: ("(b)", "The second argument of BatchNorm1d is not the momentum but eps, which is added to the variance. A spread of 0.1 becomes 0.1/√(0.01 + 0.8) = 0.11, not 1."),
    10: ("(a)", "In training mode batch normalisation uses mean and variance of this very batch."),
}  # fmt: skip
