"""The losses against torch.nn.functional, closed forms and numbers worked out by hand."""

import math

import pytest
import scipy.stats
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


def test_by_hand():
    # D(x_real) = 0.8, D(x_fake) = 0.3: -ln 0.8 - ln 0.7
    real, fake = torch.tensor([math.log(0.8 / 0.2)]), torch.tensor([math.log(0.3 / 0.7)])
    assert losses.discriminator_loss(real, fake).item() == pytest.approx(
        0.223144 + 0.356675, abs=1e-5
    )
    assert losses.generator_loss_saturating(fake).item() == pytest.approx(-0.356675, abs=1e-5)
    assert losses.generator_loss_nonsaturating(fake).item() == pytest.approx(1.203973, abs=1e-5)
    zeros = torch.zeros(3)
    assert losses.discriminator_loss(zeros, zeros).item() == pytest.approx(2 * math.log(2))


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


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 3, 4, 4)])
def test_gradient_penalty_of_linear_and_quadratic_critics(shape):
    rng = torch.Generator().manual_seed(1)
    x_real, x_fake = torch.randn(shape, generator=rng), torch.randn(shape, generator=rng)
    w = torch.randn(shape[1:], generator=rng, requires_grad=True)
    penalty = losses.gradient_penalty(
        lambda x: (x * w).reshape(len(x), -1).sum(1), x_real, x_fake, generator=rng
    )
    expected = (w.norm() - 1) ** 2
    assert penalty.item() == pytest.approx(expected.item(), rel=1e-6, abs=1e-5)
    for mine, known in zip(torch.autograd.grad(penalty, w), torch.autograd.grad(expected, w)):
        torch.testing.assert_close(mine, known, atol=1e-5, rtol=1e-5)

    # |x|^2 / 2 has the gradient x: the penalty is known from the x_hat, whose ε is drawn again from the same seed
    seen = []
    losses.gradient_penalty(
        lambda x: seen.append(x) or x.square().sum() / 2,
        x_real,
        x_fake,
        torch.Generator().manual_seed(5),
    )
    epsilon = torch.rand(6, *[1] * (len(shape) - 1), generator=torch.Generator().manual_seed(5))
    x_hat = epsilon * x_real + (1 - epsilon) * x_fake
    torch.testing.assert_close(seen[0], x_hat)
    quadratic = losses.gradient_penalty(
        lambda x: x.square().sum() / 2, x_real, x_fake, torch.Generator().manual_seed(5)
    )
    norms = x_hat.reshape(6, -1).norm(dim=1)
    assert quadratic.item() == pytest.approx(((norms - 1) ** 2).mean().item(), rel=1e-5)


def of_the_authors(critic, x_real, x_fake, epsilon):
    """The penalty of igul222/improved_wgan_training (TensorFlow), from its formulas: α = 1 - ε goes from real to fake."""
    x = (x_real + (1 - epsilon) * (x_fake - x_real)).requires_grad_()
    (gradients,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    slopes = gradients.square().sum(tuple(range(1, x.ndim))).sqrt()
    return (slopes - 1).square().mean()


def of_many_blogs(critic, x_real, x_fake, epsilon):
    """The penalty of eriklindernoren/PyTorch-GAN, from its formulas: ones as grad_outputs, and the norm of a view."""
    x = (epsilon * x_real + (1 - epsilon) * x_fake).requires_grad_()
    scores = critic(x)
    options = dict(create_graph=True, retain_graph=True, only_inputs=True)
    gradients = torch.autograd.grad(scores, x, torch.ones_like(scores), **options)[0]
    return ((gradients.view(gradients.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()


@pytest.mark.parametrize("published", [of_the_authors, of_many_blogs])
@pytest.mark.parametrize("shape", [(5, 2), (5, 1, 4, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradient_penalty_is_that_of_public_code(published, shape, dtype):
    torch.manual_seed(0)
    layers = torch.nn.Flatten(), mlp(math.prod(shape[1:]), 8, 1, activation=torch.nn.Tanh)
    critic = torch.nn.Sequential(*layers).to(dtype)
    x_real, x_fake = torch.randn(2, *shape, dtype=dtype)
    draw = torch.Generator().manual_seed(5)
    epsilon = torch.rand(5, *[1] * (len(shape) - 1), generator=draw, dtype=dtype)
    ours = losses.gradient_penalty(critic, x_real, x_fake, draw.manual_seed(5))
    theirs = published(critic, x_real, x_fake, epsilon)
    assert ours.dtype == dtype and ours.item() > 0.1
    torch.testing.assert_close(ours, theirs)
    weights = list(critic.parameters())
    for mine, known in zip(*(torch.autograd.grad(p, weights[:-1]) for p in (ours, theirs))):
        torch.testing.assert_close(mine, known)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_dead_critic_gets_finite_gradients(dtype):
    """All ReLUs are off: the slope is 0, where the square root has no derivative."""
    critic = mlp(2, 4, 1).to(dtype)
    with torch.no_grad():
        critic[0].bias.fill_(-100)
    x = torch.randn(2, 6, 2, dtype=dtype)
    penalty = losses.gradient_penalty(critic, *x)
    penalty.backward()
    assert penalty.item() == pytest.approx(1, abs=1e-5)
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in critic.parameters())
    of_the_authors(critic, *x, torch.rand(6, 1, dtype=dtype)).backward()
    assert critic[0].weight.grad.isnan().any()  # what 1e-12 is for


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 3, 4, 4)])
def test_second_order_gradients_of_the_penalty(shape):
    """The penalty holds a gradient, so that its own gradient is of second order: by closed form, and by differences."""
    rng = torch.Generator().manual_seed(2)
    x_real, x_fake, w = (
        torch.randn(s, generator=rng, dtype=torch.float64) for s in (shape, shape, shape[1:])
    )
    w.requires_grad_()
    a = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    seen = []

    def quadratic(x):  # its gradient is a x, of norm a r
        seen.append(x.detach())
        return a * x.square().reshape(len(x), -1).sum(1) / 2

    penalty = losses.gradient_penalty(quadratic, x_real, x_fake, rng)
    r = seen[0].reshape(6, -1).norm(dim=1)
    assert penalty.item() == pytest.approx((0.7 * r - 1).square().mean().item(), abs=1e-5)
    (slope,) = torch.autograd.grad(penalty, a, create_graph=True)
    assert slope.item() == pytest.approx((2 * r * (0.7 * r - 1)).mean().item(), abs=1e-5)
    assert torch.autograd.grad(slope, a)[0].item() == pytest.approx(
        (2 * r * r).mean().item(), abs=1e-5
    )

    def by_weights(w, a):
        def critic(x):
            return torch.tanh((x * w).reshape(len(x), -1).sum(1)) + a * x.reshape(len(x), -1).pow(
                3
            ).sum(1)

        return losses.gradient_penalty(critic, x_real, x_fake, torch.Generator().manual_seed(3))

    assert torch.autograd.gradcheck(by_weights, (w, a))
    assert torch.autograd.gradgradcheck(by_weights, (w, a))


def test_gradient_penalty_of_a_convolutional_critic():
    rng = torch.Generator().manual_seed(2)
    x_real, x_fake = (torch.randn(3, 2, 4, 4, generator=rng, dtype=torch.float64) for _ in range(2))
    kernel, read_out = (
        torch.randn(s, generator=rng, dtype=torch.float64, requires_grad=True)
        for s in ((2, 2, 3, 3), 8)
    )

    def penalty(kernel, read_out):
        def critic(x):
            return torch.tanh(torch.conv2d(x, kernel, stride=2, padding=1)).flatten(1) @ read_out

        return losses.gradient_penalty(critic, x_real, x_fake, torch.Generator().manual_seed(3))

    assert torch.autograd.gradcheck(penalty, (kernel, read_out))


def test_gradient_penalty_draws_one_even_mix_per_sample():
    rng = torch.Generator().manual_seed(0)
    x_real, x_fake, seen = (
        torch.randn(2000, 3, 2, generator=rng),
        torch.randn(2000, 3, 2, generator=rng),
        [],
    )
    losses.gradient_penalty(lambda x: seen.append(x.detach()) or x.sum(), x_real, x_fake, rng)
    along, across = (x_real - x_fake).flatten(1), (seen[0] - x_fake).flatten(1)
    epsilon = (along * across).sum(1) / along.square().sum(1)
    torch.testing.assert_close(
        across, epsilon[:, None] * along, atol=1e-5, rtol=0
    )  # on the line between the two
    assert scipy.stats.kstest(epsilon.numpy(), "uniform").pvalue > 0.001


def test_gradient_penalty_leaves_the_generator_alone():
    x_fake = torch.randn(4, 2, requires_grad=True)
    w = torch.randn(2, requires_grad=True)
    losses.gradient_penalty(lambda x: (x * w).square().sum(1), torch.zeros(4, 2), x_fake).backward()
    assert x_fake.grad is None and w.grad is not None


def test_gradient_penalty_reaches_the_weights_of_a_network():
    torch.manual_seed(0)
    critic = mlp(2, 8, 1, activation=torch.nn.Tanh).double()
    real, fake = torch.randn(5, 2, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    parameters = list(critic.parameters())

    def value():
        return losses.gradient_penalty(critic, real, fake, torch.Generator().manual_seed(0))

    gradients = torch.autograd.grad(value(), parameters, allow_unused=True, materialize_grads=True)
    weight, gradient = parameters[0], gradients[0]
    with torch.no_grad():
        weight[1, 0] += 1e-6
    above = value().item()
    with torch.no_grad():
        weight[1, 0] -= 2e-6
    assert gradient[1, 0].item() == pytest.approx((above - value().item()) / 2e-6, rel=1e-4)


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 3, 4, 4)])
def test_r1_of_linear_and_quadratic_discriminators(shape):
    """D(x) = w·x has the gradient w, so 1/2 |w|²; D(x) = a |x|²/2 has a x, so the mean of 1/2 a² |x|²."""
    rng = torch.Generator().manual_seed(3)
    x, w = (torch.randn(s, generator=rng, dtype=torch.float64) for s in (shape, shape[1:]))
    w.requires_grad_()
    a = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    cases = [
        (lambda x: (x * w).reshape(6, -1).sum(1), w, w.square().sum() / 2),
        (
            lambda x: a * x.square().reshape(6, -1).sum(1) / 2,
            a,
            (a * x).square().reshape(6, -1).sum(1).mean() / 2,
        ),
    ]
    for discriminator, weight, expected in cases:
        penalty = losses.r1_penalty(discriminator, x, None)
        assert penalty.shape == ()
        torch.testing.assert_close(penalty, expected)
        for mine, known in zip(
            torch.autograd.grad(penalty, weight), torch.autograd.grad(expected, weight)
        ):
            torch.testing.assert_close(
                mine, known
            )  # of second order: the penalty holds a gradient already


def test_r1_leaves_its_input_and_the_random_numbers_alone():
    x, rng = torch.randn(4, 2, requires_grad=True), torch.Generator().manual_seed(0)
    w, before = torch.randn(2, requires_grad=True), rng.get_state()
    losses.r1_penalty(lambda x: (x * w).square().sum(1), x, None, rng).backward()
    assert x.grad is None and w.grad is not None and torch.equal(rng.get_state(), before)


@pytest.mark.parametrize("shape", [(0, 2), ()])
def test_r1_names_bad_shapes(shape):
    with pytest.raises(
        ValueError, match=r"x_real must be a batch of shape \(N, ...\) with N >= 1, got \("
    ):
        losses.r1_penalty(lambda x: x.sum(), torch.zeros(shape), None)


@pytest.mark.parametrize("shapes", [((3, 2), (4, 2)), ((0, 2), (0, 2)), ((), ())])
def test_gradient_penalty_names_bad_shapes(shapes):
    with pytest.raises(ValueError, match="x_real and x_fake must be batches of the same shape"):
        losses.gradient_penalty(lambda x: x.sum(), torch.zeros(shapes[0]), torch.zeros(shapes[1]))


def test_clip_weights():
    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[0.5, -0.02]]))
        module[0].bias.fill_(-3)
        module[1].bias.fill_(0.1)
        module[1].running_mean.fill_(7)
    before = list(module.parameters())
    assert losses.clip_weights_(module, 0.1) is None
    torch.testing.assert_close(module[0].weight.detach(), torch.tensor([[0.1, -0.02]]))
    assert module[0].bias.item() == pytest.approx(-0.1) and module[1].bias.item() == pytest.approx(
        0.1
    )
    assert module[1].weight.item() == pytest.approx(
        0.1
    )  # 1 before: every parameter, that of a normalisation too,
    assert module[1].running_mean.item() == 7  # but no statistic
    assert all(
        a is b and a.requires_grad for a, b in zip(before, module.parameters())
    )  # the optimiser keeps its own
    losses.clip_weights_(module, 1e6)
    torch.testing.assert_close(module[0].weight.detach(), torch.tensor([[0.1, -0.02]]))


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf, None])
def test_clip_weights_names_a_bad_value(bad):
    with pytest.raises(ValueError, match=f"clip_value must be a finite number above 0, got {bad}"):
        losses.clip_weights_(torch.nn.Linear(2, 1), bad)
