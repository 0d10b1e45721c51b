"""Lesson 13, DCGAN on faces: what its panel shows and moves, what two calls of backward leave, and the tutorial's log line."""

import numpy as np
import torch
from torch.nn.functional import adaptive_avg_pool2d, softplus

from gan_edu.faces.dcgan import LATENT_DIM, pictures
from gan_edu.faces.grid import tile
from gan_edu.panel import choice, log_slider, slider
from gan_edu.panel.figure import curves, describe
from gan_edu.predict import table
from gan_edu.style import CRITIC, FAKE, PUSH, REAL
from gan_edu.views import picture

Z = torch.randn(16, LATENT_DIM, generator=torch.Generator().manual_seed(0))
LINES = {  # what a step logs, and its colour
    "Loss_D": CRITIC, "Loss_G": FAKE, "D(x)": REAL, "D(G(z)) before": FAKE, "D(G(z)) after": PUSH,
}  # fmt: skip
LOSSES, MEANS = list(LINES)[:2], list(LINES)[2:]
knobs = dict(
    lr_d=log_slider(1e-5, 1e-1, 1e-3), lr_g=log_slider(1e-5, 1e-1, 1e-3),
    beta1=slider(0, 0.95, 0.5, step=0.05), batch_size=choice(32, 8, 128),
    r1=slider(0, 10, 1.0, step=0.5), real_label=slider(0.7, 1, 1.0, step=0.05),
)  # fmt: skip
presets = {
    "as in this lesson": {},
    "D hardly learns": dict(lr_d=1e-5),
    "the tutorial's rates and batches": dict(lr_d=2e-4, lr_g=2e-4, batch_size=128, r1=0.0),
    "label smoothing, no R1": dict(real_label=0.8, r1=0.0),
}


def steered(step):
    """Return a step whose knobs beta1 and batch_size act, too."""

    def steered_step(gan, knobs):
        gan.batches.batch_size = knobs.batch_size
        for opt in (gan.opt_D, gan.opt_G):
            group = opt.param_groups[0]
            group["betas"] = (knobs.beta1, group["betas"][1])
        return step(gan, knobs)

    return steered_step


def faces_of(G, z, training=False):
    """Return what G makes of latents, on the CPU, in evaluation mode or as it trains; G is left as it was."""
    was, kept = G.training, [buffer.clone() for buffer in G.buffers()]
    with torch.no_grad():
        x = G.train(training)(z.to(next(G.parameters()).device)).float().cpu()
        for buffer, before in zip(G.buffers(), kept):
            buffer.copy_(before)
    G.train(was)
    return x


def small(x):
    """Return pictures at half their size, in 16 levels a colour: they travel to the page faster."""
    levels = (adaptive_avg_pool2d(x.float(), 32) + 1) * 8
    return (levels.floor().clamp(0, 15) * 16 + 8).byte()


def view_faces(fig, gan, log):
    """Draw faces of the same latents, real ones, and the curves of losses and mean outputs."""
    made, real, right = fig.subplots(1, 3, width_ratios=[1.5, 0.4, 1.9])
    images = gan.batches.dataset[:2]
    for ax, x, rows, title in (
        (made, faces_of(gan.G, Z[:9], training=True), 3, f"{log.n} steps"),
        (real, pictures(images, "cpu"), 1, "real"),
    ):
        picture(ax, tile(small(x), rows, 1), title, interpolation="bilinear")
    if log.n:
        curves(right, log, *MEANS, colors=[LINES[name] for name in MEANS])
        right.legend()
    loss = [f"{name} {log[name][-1]:.2f}" for name in LOSSES if log.n]
    right.set(ylim=(0, 1.02), ylabel="mean output of D", title=", ".join(loss) or "no step yet")
    words = [f"{name} {log[name][-1]:.2f}" for name in LINES if log.n]
    describe(fig, f"9 generated faces after {log.n} steps beside 2 real ones. {', '.join(words)}.")


def which_gradient(gan, batch, options):
    """Measure what two calls of backward leave in D's .grad: (the option that it equals, a table of the differences)."""
    x_real = pictures(batch, next(gan.D.parameters()).device)
    x_fake = gan.G(torch.randn(len(x_real), LATENT_DIM, device=x_real.device)).detach()

    def losses():
        return softplus(-gan.D(x_real)).mean(), softplus(gan.D(x_fake)).mean()

    def after(*several):
        gan.opt_D.zero_grad()
        for loss in several:
            loss.backward()
        return torch.cat([p.grad.flatten() for p in gan.D.parameters()])

    found, (real, fake) = after(*losses()), losses()
    ways = [after(losses()[1]), after(real + fake), after(sum(losses()) / 2)]
    apart = [(found - way).abs().max().item() for way in ways]
    rows = [(name, f"{far:.1g}") for name, far in zip(options, apart)]
    return options[int(np.argmin(apart))], table(("", "largest difference"), rows)


def log_line(epoch, i, loss_D, loss_G, on_real, before, after, every=50):
    """Print the tutorial's line for every so many batches; outputs of D are logits (n,)."""
    if i % every == 0:
        real, a, b = (x.sigmoid().mean().item() for x in (on_real, before, after))
        losses = f"Loss_D {loss_D.item():.3f}  Loss_G {loss_G.item():.3f}"
        print(f"[{epoch}][{i:3}]  {losses}  D(x) {real:.3f}  D(G(z)) {a:.3f} / {b:.3f}")
