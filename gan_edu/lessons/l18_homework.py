"""Lesson 18: checks of the homework rooms' tests. Each test gets one function, right or broken."""

import torch
from torch import nn

from gan_edu.lessons.l18_trial import fault_of_test, tell
from gan_edu.losses import gradient_penalty


def critic_loss(weight=1.0, factor=None):
    """Return a WGAN-GP critic's loss of (D, x_real, x_fake, lambda_gp)."""

    def loss(D, x_real, x_fake, lambda_gp):
        gap = D(x_real).mean() - D(x_fake).mean()
        lam = lambda_gp if factor is None else factor
        return weight * lam * gradient_penalty(D, x_real, x_fake) - gap

    return loss


def check_added(test):
    """Check a test of critic_loss(D, x_real, x_fake, lambda_gp), whose exhibit leaves the penalty out."""
    relatives = {
        "a loss from which the penalty is subtracted. Should a steep critic's loss grow with λ?": critic_loss(-1.0),
        "a loss that adds the penalty without λ. Compare two values of λ.": critic_loss(factor=10.0),
    }  # fmt: skip
    fault = fault_of_test(test, critic_loss(), critic_loss(0.0), relatives=relatives)
    return tell(fault, "λ matters, and in the right direction.")


def error(of_fake):
    """Return a discriminator's error of (D, G, x_real, z), with of_fake(G, x_real, z) as what is judged."""

    def d_error(D, G, x_real, z):
        return -(D(x_real).log().mean() + (1 - D(of_fake(G, x_real, z))).log().mean())

    return d_error


def check_from_z(test):
    """Check a test of d_error(D, G, x_real, z), whose exhibit judges z in place of G(z)."""
    relatives = {"an error that judges G(x_real). The latents should matter, too.": error(lambda G, x, z: G(x))}  # fmt: skip
    exhibit = error(lambda G, x, z: z)
    fault = fault_of_test(test, error(lambda G, x, z: G(z)), exhibit, relatives=relatives)
    return tell(fault, "another generator, another error.")


def right_shares(points, n_bins):
    found = [0.0] * n_bins
    for x in points:
        found[int(x * n_bins)] += 1 / len(points)
    return found


def exhibit_shares(points, n_bins):
    """As of the page: takes the points out of the list while it counts on."""
    found, n = [0.0] * n_bins, len(points)
    for i in range(n):
        taken, points[i : i + i + 1] = points[i : i + i + 1], []
        if taken:
            found[int(taken[0] * n_bins)] += 1 / n
    return found


def emptying(points, n_bins):
    found = right_shares(points, n_bins)
    points.clear()
    return found


def scaled(points, n_bins):
    found = exhibit_shares(list(points), n_bins)
    return [one / sum(found) for one in found]


def check_shares(test):
    """Check a test of shares(points, n_bins), whose exhibit loses points."""
    relatives = {
        "a code that counts well, but empties the list that it was given. Look at the list afterwards.": emptying,
        "a code that loses points and then divides by their number. Count by hand in which bin they lie.": scaled,
    }  # fmt: skip
    fault = fault_of_test(test, right_shares, exhibit_shares, relatives=relatives)
    return tell(fault, "no point is lost, and the list is as it was.")


def block(**norm):
    """Return a generator's block(n_in, n_out) with these settings of its batch normalisation."""

    def build(n_in, n_out):
        layers = nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out, **norm), nn.LeakyReLU(0.2)
        return nn.Sequential(*layers)

    return build


def check_spread(test):
    """Check a test of block(n_in, n_out), whose batch normalisation has the momentum where eps should be."""
    fine = {"a block with another momentum. That is right: momentum says how fast the running mean follows.": block(momentum=0.2)}  # fmt: skip
    relatives = {"a block with eps = 0.05. Give it inputs of a smaller spread.": block(eps=0.05)}
    fault = fault_of_test(test, block(), block(eps=0.8), fine, relatives)
    return tell(fault, "what comes out has spread 1, however small the input's spread was.")


def sampling(mode, back=True):
    """Return sample(G, z) which draws in this mode, and puts back what was."""

    def sample(G, z):
        before = G.training
        G.train(mode)
        with torch.no_grad():
            x = G(z)
        G.train(before if back else mode)
        return x

    return sample


def check_eval(test):
    """Check a test of sample(G, z), whose exhibit samples in training mode."""
    relatives = {"a code that leaves the generator in evaluation mode: training would go on without batch statistics.": sampling(False, back=False)}  # fmt: skip
    fault = fault_of_test(test, sampling(False), sampling(True), relatives=relatives)
    return tell(fault, "a picture does not depend on its company.")
