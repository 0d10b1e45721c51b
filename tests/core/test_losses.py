"""The losses against torch.nn.functional, closed forms and numbers worked out by hand."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from gan_edu import losses
from gan_edu.networks import mlp


@pytest.fixture
def logits():
    rng = torch.Generator().manual_seed(0)
    return 3 * torch.randn(50, 1, generator=rng), 3 * torch.randn(70, 1, generator=rng)


def test_discriminator_loss_is_binary_cross_entropy(logits):
    real, fake = logits
    expected = binary_cross_entropy_with_logits(real, torch.ones_like(real))
    expected += binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    torch.testing.assert_close(losses.discriminator_loss(real, fake), expected)


def test_generator_losses_are_binary_cross_entropies(logits):
    fake = logits[1]
    saturating = -binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    nonsaturating = binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
    torch.testing.assert_close(losses.generator_loss_saturating(fake), saturating)
    torch.testing.assert_close(losses.generator_loss_nonsaturating(fake), nonsaturating)


@pytest.mark.parametrize("size", [100.0, 1e4])
def test_finite_where_the_sigmoid_rounds_to_0_or_1(size):
    sure = torch.tensor([size], requires_grad=True)
    for loss, value, slope in (
        (losses.discriminator_loss(-sure, sure), 2 * size, 2.0),
        (losses.generator_loss_nonsaturating(-sure), size, 1.0),
        (losses.generator_loss_saturating(-sure), 0.0, 0.0),
    ):
        (gradient,) = torch.autograd.grad(loss, sure)
        assert loss.item() == pytest.approx(value)
        assert gradient.item() == pytest.approx(slope)


def test_wasserstein_signs_by_hand():
    real, fake = torch.tensor([3.0, 5.0]), torch.tensor([1.0, 0.0, 2.0])
    assert losses.wasserstein_estimate(real, fake).item() == 3.0
    assert losses.critic_loss(real, fake).item() == -3.0
    assert losses.generator_loss_wasserstein(fake).item() == -1.0


# ---- penalties

SHAPES = pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 3, 4, 4)])


@SHAPES
def test_gradient_penalty_of_linear_and_quadratic_critics(shape):
    torch.manual_seed(1)
    x_real, x_fake = torch.randn(2, *shape, dtype=torch.float64)
    w = torch.randn(shape[1:], dtype=torch.float64, requires_grad=True)
    a, seen = torch.tensor(0.7, dtype=torch.float64, requires_grad=True), []

    def quadratic(x):  # its gradient is a x, of norm a r
        seen.append(x.detach())
        return a * x.square().reshape(len(x), -1).sum(1) / 2

    linear = losses.gradient_penalty(lambda x: (x * w).reshape(6, -1).sum(1), x_real, x_fake)
    torch.testing.assert_close(linear, (w.norm() - 1) ** 2, atol=1e-5, rtol=1e-5)
    torch.manual_seed(5)
    penalty = losses.gradient_penalty(quadratic, x_real, x_fake)
    torch.manual_seed(5)
    epsilon = torch.rand(6, *[1] * (len(shape) - 1), dtype=torch.float64)  # one a sample
    torch.testing.assert_close(seen[0], epsilon * x_real + (1 - epsilon) * x_fake)
    r = seen[0].reshape(6, -1).norm(dim=1)
    assert penalty.item() == pytest.approx((0.7 * r - 1).square().mean().item(), abs=1e-5)
    (slope,) = torch.autograd.grad(penalty, a, create_graph=True)  # of second order
    assert slope.item() == pytest.approx((2 * r * (0.7 * r - 1)).mean().item(), abs=1e-5)
    (bend,) = torch.autograd.grad(slope, a)
    assert bend.item() == pytest.approx((2 * r * r).mean().item(), abs=1e-5)


def test_a_dead_critic_gets_finite_gradients():
    """All ReLUs are off: the slope is 0, where the square root has no derivative."""
    critic = mlp(2, 4, 1)
    with torch.no_grad():
        critic[0].bias.fill_(-100)
    x = torch.randn(2, 6, 2)
    penalty = losses.gradient_penalty(critic, *x)
    penalty.backward()
    assert penalty.item() == pytest.approx(1, abs=1e-5)
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in critic.parameters())


@SHAPES
def test_r1_of_linear_and_quadratic_discriminators(shape):
    """D(x) = w·x has the gradient w, so 1/2 |w|²; D(x) = a |x|²/2 has a x, so the mean of 1/2 a² |x|²."""
    torch.manual_seed(3)
    x, w = (torch.randn(s, dtype=torch.float64) for s in (shape, shape[1:]))
    a = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    w.requires_grad_()
    squares = x.square().reshape(6, -1).sum(1)
    cases = [
        (lambda x: (x * w).reshape(6, -1).sum(1), w, w.square().sum() / 2),
        (lambda x: a * x.square().reshape(6, -1).sum(1) / 2, a, (a**2 * squares).mean() / 2),
    ]
    for discriminator, weight, expected in cases:
        penalty = losses.r1_penalty(discriminator, x, None)
        torch.testing.assert_close(penalty, expected)
        (mine,), (known,) = (torch.autograd.grad(p, weight) for p in (penalty, expected))
        torch.testing.assert_close(mine, known)  # of second order
    assert x.grad is None and not x.requires_grad


def test_gradient_penalty_names_bad_shapes():
    with pytest.raises(ValueError, match="x_real and x_fake must be batches of the same shape"):
        losses.gradient_penalty(lambda x: x.sum(), torch.zeros(3, 2), torch.zeros(4, 2))


# ---- clipping


def test_clip_weights():
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[0.5, -0.02]]))
        module[0].bias.fill_(-3)
        module[1].running_mean.fill_(7)
    before = list(module.parameters())
    losses.clip_weights_(module, 0.1)
    values = torch.cat([p.detach().flatten() for p in module.parameters()])
    torch.testing.assert_close(values, torch.tensor([0.1, -0.02, -0.1, 0.1, 0]))
    assert module[1].running_mean.item() == 7  # no statistic
    assert all(a is b and a.requires_grad for a, b in zip(before, module.parameters()))
    with pytest.raises(ValueError, match="clip_value must be a finite number above 0, got 0"):
        losses.clip_weights_(module, 0)
