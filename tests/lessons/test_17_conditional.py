"""Conditional networks against formulas written out, and `ConditionalGAN`: labels reach both players, runs repeat."""

import functools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gan_edu import losses
from gan_edu.datasets import latent_normal
from gan_edu.first_edition.explore import Explorer
from gan_edu.first_edition.training import Hyperparameters
from gan_edu.lessons.l17_conditional import (
    BlindDiscriminator,
    ClassifyingDiscriminator,
    ConditionalGAN,
    ConditionalGenerator,
    GuidedDiscriminator,
    JointDiscriminator,
    LabelEmbedding,
    Labelled,
    ProjectionDiscriminator,
    acgan_discriminator_loss,
    acgan_generator_loss,
    class_loss,
    guided_discriminator_loss,
    guided_generator_loss,
    labelled_sampler,
    picture_body,
)
from gan_edu.lessons.l17_conditional_faces import AskView, ConditionalView, label_grid
from gan_edu.networks import DCGANDiscriminator, mlp

COUNTS = (2, 2, 5)


def some_labels(n=6, counts=COUNTS, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randint(count, (n,), generator=rng) for count in counts], dim=1)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


# ---- networks


def test_an_embedding_is_a_matrix_times_one_hot_labels_summed_over_attributes():
    embed, y = LabelEmbedding(COUNTS, 7), some_labels()
    matrices = [table.weight.detach().numpy() for table in embed.tables]
    wanted = sum(np.eye(count)[y[:, a]] @ matrices[a] for a, count in enumerate(COUNTS))
    np.testing.assert_allclose(embed(y).detach().numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_the_generator_sees_latent_and_label_side_by_side():
    generator, z, y = (
        ConditionalGenerator(nn.Identity(), LabelEmbedding(COUNTS, 3)),
        torch.randn(6, 4),
        some_labels(),
    )
    torch.testing.assert_close(generator(z, y), torch.cat([z, generator.embed(y)], dim=1))


def discriminators(num_features=8):
    body = nn.Sequential(nn.Flatten(), nn.Linear(12, num_features), nn.Tanh())
    return {
        "blind": BlindDiscriminator(body, num_features),
        "joint": JointDiscriminator(body, num_features, LabelEmbedding(COUNTS, 3), 3),
        "projection": ProjectionDiscriminator(
            body, num_features, LabelEmbedding(COUNTS, num_features)
        ),
        "classifying": ClassifyingDiscriminator(body, num_features, COUNTS),
        "guided": GuidedDiscriminator(body, num_features, COUNTS),
    }


@pytest.mark.parametrize(
    "name, sees",
    [
        ("blind", False),
        ("joint", True),
        ("projection", True),
        ("classifying", False),
        ("guided", True),
    ],
)
def test_which_logits_depend_on_the_label(name, sees):
    net, x = discriminators()[name], torch.randn(6, 3, 2, 2)
    one, other = (net(x, y) for y in (some_labels(), (some_labels() + 1) % torch.tensor(COUNTS)))
    if name in ("classifying", "guided"):
        (one, _, y), (other, *_) = one, other
        assert torch.equal(y, some_labels())
    assert one.shape == (6,)
    assert (not torch.equal(one, other)) is sees


def test_the_projection_is_an_inner_product():
    net, x, y = discriminators()["projection"], torch.randn(6, 3, 2, 2), some_labels()
    h, e = net.body(x), net.embed(y)
    for n in range(6):
        wanted = (net.real.weight[0] @ h[n] + net.real.bias + e[n] @ h[n]).item()
        assert float(net(x, y)[n].detach()) == pytest.approx(wanted, abs=1e-5)


def test_the_guided_discriminator_is_a_projection_with_a_classifier_beside_it():
    net, x, y = discriminators()["guided"], torch.randn(6, 3, 2, 2), some_labels()
    logits, classes, told = net(x, y)
    h, e = net.body(x), net.embed(y)
    wanted = torch.einsum("nf,nf->n", net.real.weight + e, h) + net.real.bias
    torch.testing.assert_close(logits, wanted)
    assert [tuple(part.shape) for part in classes] == [
        (6, count) for count in COUNTS
    ] and torch.equal(told, y)
    for part, other in zip(classes, net(x, (y + 1) % torch.tensor(COUNTS))[1]):
        assert torch.equal(part, other)  # the classifier does not see the label


def test_the_form_of_the_projection_is_the_best_logit_for_softmax_classes():
    """log p(x, y) / q(x, y) for p(y|x) and q(y|x) softmax-linear in h is linear in h for each y: the paper's section 3."""
    rng = np.random.default_rng(0)
    h, v_p, v_q, r = (
        rng.normal(size=(50, 4)),
        rng.normal(size=(3, 4)),
        rng.normal(size=(3, 4)),
        rng.normal(size=50),
    )
    log_p, log_q = ((h @ v.T) - np.log(np.exp(h @ v.T).sum(1, keepdims=True)) for v in (v_p, v_q))
    best = log_p - log_q + r[:, None]  # r = log p(x) / q(x)
    rest = best - h @ (v_p - v_q).T
    np.testing.assert_allclose(rest, rest[:, :1] @ np.ones((1, 3)), atol=1e-9)  # the same for all y


@pytest.mark.parametrize("image_size", [8, 32, 64])
def test_the_body_returns_as_many_features_as_it_says(image_size):
    body, num_features = picture_body(4, 3, image_size)
    assert body(torch.zeros(2, 3, image_size, image_size)).shape == (2, num_features)
    x = torch.randn(3, 3, image_size, image_size)
    assert body.eval()(x).std() > 0
    torch.testing.assert_close(body(x)[:1], body(x[:1]), rtol=1e-4, atol=1e-5)
    convolutions = [m for m in DCGANDiscriminator(4, 3, image_size) if isinstance(m, nn.Conv2d)][
        :-1
    ]
    shapes = [m.weight.shape for m in body if isinstance(m, nn.Conv2d)]
    assert shapes == [m.weight.shape for m in convolutions]


@pytest.mark.parametrize("image_size", [4, 48, 0, 7.5])
def test_a_size_that_cannot_be_halved_is_refused(image_size):
    with pytest.raises(ValueError, match="image_size"):
        picture_body(image_size=image_size)


# ---- losses


def test_the_class_loss_of_uniform_logits_is_the_entropy_of_the_labels():
    logits = [torch.zeros(6, count) for count in COUNTS]
    assert float(class_loss(logits, some_labels())) == pytest.approx(2 * math.log(2) + math.log(5))


def test_the_class_loss_against_probabilities_written_out():
    y, logits = some_labels(), [torch.randn(6, count) for count in COUNTS]
    wanted = 0
    for a, part in enumerate(logits):
        p = np.exp(part.double().numpy())
        p /= p.sum(1, keepdims=True)
        wanted -= np.log(p[np.arange(6), y[:, a].numpy()]).mean()
    assert float(class_loss(logits, y)) == pytest.approx(wanted, rel=1e-5)


def test_the_acgan_losses_are_sums():
    y = some_labels()
    real, fake = (
        (torch.randn(6), [torch.randn(6, count) for count in COUNTS], y) for _ in range(2)
    )
    gan, on_real, on_fake = (
        losses.discriminator_loss(real[0], fake[0]),
        class_loss(*real[1:]),
        class_loss(*fake[1:]),
    )
    assert float(acgan_discriminator_loss(real, fake)) == pytest.approx(
        float(gan + on_real + on_fake)
    )
    wanted = losses.generator_loss_nonsaturating(fake[0]) + on_fake
    assert float(acgan_generator_loss(fake)) == pytest.approx(float(wanted))


def test_in_the_guided_losses_generated_pictures_teach_no_labels():
    y = some_labels()
    real, fake = (
        (torch.randn(6), [torch.randn(6, count, requires_grad=True) for count in COUNTS], y)
        for _ in range(2)
    )
    loss = guided_discriminator_loss(real, fake)
    assert float(loss) == pytest.approx(
        float(losses.discriminator_loss(real[0], fake[0]) + class_loss(*real[1:]))
    )
    loss.backward()
    assert all(part.grad is None for part in fake[1]) and all(
        part.grad.abs().sum() > 0 for part in real[1]
    )
    for weight in (0.2, 1.0):
        wanted = losses.generator_loss_nonsaturating(fake[0]) + weight * class_loss(*fake[1:])
        assert float(guided_generator_loss(fake, weight)) == pytest.approx(float(wanted))
    assert float(guided_generator_loss(fake)) == pytest.approx(
        float(guided_generator_loss(fake, 0.2))
    )


# ---- training

Y = some_labels(40, (3,))
X = torch.nn.functional.one_hot(Y[:, 0], 3) + 0.1 * torch.randn(
    40, 3, generator=torch.Generator().manual_seed(1)
)


def make_gan(kind="projection", seed=0, **settings):
    def make_discriminator():
        body = nn.Sequential(mlp(3, 16, 16), nn.ReLU())
        return {
            "blind": lambda: BlindDiscriminator(body, 16),
            "joint": lambda: JointDiscriminator(body, 16, LabelEmbedding((3,), 4), 4),
            "projection": lambda: ProjectionDiscriminator(body, 16, LabelEmbedding((3,), 16)),
            "classifying": lambda: ClassifyingDiscriminator(body, 16, (3,)),
        }[kind]()

    if kind == "classifying":
        settings = dict(d_loss=acgan_discriminator_loss, g_loss=acgan_generator_loss) | settings
    return ConditionalGAN(
        lambda: ConditionalGenerator(mlp(2 + 4, 16, 3), LabelEmbedding((3,), 4)), make_discriminator, labelled_sampler(X, Y),
        functools.partial(latent_normal, latent_dim=2), seed=seed, **settings,
    )  # fmt: skip


KINDS = ["blind", "joint", "projection", "classifying"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_moves_both_players_and_a_seed_repeats_it(kind):
    runs = [
        make_gan(kind, penalty=losses.r1_penalty, penalty_every=2, ema=0.9, seed=seed)
        for seed in (3, 3, 4)
    ]
    before = [p.clone() for p in runs[0].generator.parameters()]
    for gan in runs:
        for _ in range(5):
            gan.step()
    assert any(not torch.equal(a, b) for a, b in zip(before, runs[0].generator.parameters()))
    first, again, other = (gan.history["d_loss"] for gan in runs)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.isfinite(runs[0].history["penalty"]).tolist() == [True, False, True, False, True]
    assert runs[0].last_outputs["fake_after"].shape == (64,)
    z, y = runs[0].fixed_z(5)
    torch.testing.assert_close(runs[0].generate(z, y), runs[1].generate(runs[1].fixed_z(5)))


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_trains_too(kind):
    gan = make_gan(kind, precision=torch.bfloat16)
    gan.step()
    assert (
        np.isfinite(gan.history["g_loss"]).all()
        and gan.generate(gan.fixed_z(4)).dtype == torch.float32
    )


def test_the_first_step_against_the_same_written_out():
    gan, twin = make_gan("classifying", seed=5), make_gan("classifying", seed=5)
    rng = torch.Generator().manual_seed(5)
    (x, y), z, (_, y_fake) = (
        twin.sample_real(64, rng),
        torch.randn(64, 2, generator=rng),
        twin.sample_real(64, rng),
    )
    generator, discriminator = twin.generator.module, twin.discriminator.module
    real, fake = discriminator(x, y), discriminator(generator(z, y_fake), y_fake)
    wanted = F.softplus(-real[0]).mean() + F.softplus(fake[0]).mean()
    wanted = (
        wanted + F.cross_entropy(real[1][0], y[:, 0]) + F.cross_entropy(fake[1][0], y_fake[:, 0])
    )
    gan.step()
    assert gan.history["d_loss"][0] == pytest.approx(float(wanted), rel=1e-5)


def test_the_penalty_is_taken_at_the_labels_of_the_real_batch():
    gan, twin = (
        make_gan("projection", seed=5, penalty=losses.r1_penalty),
        make_gan("projection", seed=5),
    )
    x, y = twin.sample_real(64, torch.Generator().manual_seed(5))
    net = twin.discriminator.module
    slopes = torch.autograd.functional.jacobian(lambda x: net(x, y).sum(), x)
    gan.step()
    assert gan.history["penalty"][0] == pytest.approx(
        float(slopes.square().sum(1).mean() / 2), rel=1e-4
    )


@pytest.mark.parametrize(
    "kind, learns", [("blind", False), ("joint", True), ("projection", True), ("classifying", True)]
)
def test_only_a_discriminator_that_is_told_teaches_the_label(kind, learns):
    shares = []
    for seed in range(3):
        gan = make_gan(
            kind,
            seed=seed,
            penalty=losses.r1_penalty,
            hparams=Hyperparameters(3e-3, 3e-3, lambda_gp=0.1),
        )
        for _ in range(250):
            gan.step()
        y = torch.arange(3).repeat(100)[:, None]
        shares.append(
            float((gan.generate(torch.randn(300, 2), y).argmax(1) == y[:, 0]).double().mean())
        )
    assert (min(shares) > 0.9) if learns else (min(shares) < 0.7), shares


def test_labels_follow_their_batch():
    pair = Labelled(torch.zeros(4, 2), torch.arange(4)[:, None])
    x, y = pair
    assert (
        len(pair) == 4
        and pair.shape == (4, 2)
        and torch.equal(pair.to(torch.float64).y, y)
        and x.shape == (4, 2)
    )


def test_pictures_come_as_floats_with_their_own_labels():
    images = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 3, 8, 8) * 51
    x, y = labelled_sampler(images, torch.arange(5)[:, None])(20, torch.Generator().manual_seed(0))
    torch.testing.assert_close(x[:, 0, 0, 0], y[:, 0] * 51 / 127.5 - 1)


@pytest.mark.parametrize(
    "y",
    [torch.zeros(40, dtype=torch.int64), torch.zeros(39, 1, dtype=torch.int64), torch.zeros(40, 1)],
)
def test_labels_that_do_not_fit_are_refused(y):
    with pytest.raises(ValueError, match="y must be int64 of shape"):
        labelled_sampler(X, y)


# ---- views


def test_the_grid_has_a_label_per_row_and_a_latent_per_column():
    z, labels = torch.randn(3, 2), torch.tensor([[0], [2]])
    seen = label_grid(lambda z, y: torch.cat([z, y], dim=1), z, labels)
    assert torch.equal(seen[:, :2], torch.cat([z, z])) and seen[:, 2].tolist() == [0, 0, 0, 2, 2, 2]


def picture_gan(seed=0):
    def generator():
        return ConditionalGenerator(
            nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8))),
            LabelEmbedding((3,), 4),
        )

    images = torch.rand(40, 1, 8, 8) * 2 - 1
    body = lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU())  # noqa: E731
    return ConditionalGAN(
        generator, lambda: ProjectionDiscriminator(body(), 8, LabelEmbedding((3,), 8)), labelled_sampler(images, Y),
        functools.partial(latent_normal, latent_dim=2), seed=seed,
    )  # fmt: skip


def test_the_view_measures_what_was_asked_for():
    gan = picture_gan()
    view = ConditionalView(
        torch.arange(3)[:, None],
        list("abc"),
        read=lambda x: torch.zeros(len(x), 1, dtype=torch.int64),
    )
    view.update(gan)
    assert view.measure(gan) == pytest.approx(
        34 / 100
    )  # asked in turn for 0, 1, 2; always read as 0
    empty = view._grid.get_array().copy()
    for _ in range(3):
        gan.step()
    view.update(gan)
    assert not np.array_equal(empty, view._grid.get_array())
    assert len(view.accuracy.lines["accuracy"].get_xdata()) == 2 and "34%" in view.describe(gan)
    view.clear()
    gan.reset()
    view.update(gan)
    assert np.array_equal(empty, view._grid.get_array())  # the same seed, the same pictures


def test_a_view_wants_a_name_for_each_row():
    with pytest.raises(ValueError, match="labels must have shape"):
        ConditionalView(torch.zeros(3, 1, dtype=torch.int64), ["a"], read=lambda x: x)


def shade(z, y):
    """Pictures whose channels say what was asked for: the latent's first number, the first and the third label."""
    says = torch.stack([z[:, 0].clamp(-3, 3) / 3, y[:, 0] - 0.5, y[:, 2] / 5], dim=1)
    return says[:, :, None, None].expand(-1, 3, 8, 8)


ATTRIBUTES = {
    "smile": ("no", "yes"),
    "glasses": ("no", "yes"),
    "hair_colour": ("black", "brown", "blond", "red", "grey"),
}


def test_the_asked_portrait_follows_slider_and_buttons():
    view = AskView(shade, ATTRIBUTES, latent_dim=4)
    explorer = Explorer(view, name="asked")
    pictures = []
    for change in ({}, {"smile": 1}, {"hair_colour": 4}, {"person": 3}, {"t": 0.5}):
        explorer.set(**change)
        pictures.append(view._large.get_array()[0, 0, :3].tolist())
    assert len(set(map(tuple, pictures))) == 5
    assert (
        pictures[0][1] != pictures[1][1]
        and pictures[1][2] != pictures[2][2]
        and pictures[2][0] != pictures[3][0]
    )
    assert "smile: yes, glasses: no, hair colour: grey" in view.describe(**explorer.values)
    column, row = (np.array(view._frame.get_data()).mean(axis=1) // 10).astype(int)
    assert (row, column) == (
        2,
        4,
    )  # smiling without glasses is the third row, grey the fifth column


def test_between_two_people_the_latent_keeps_its_length():
    view = AskView(shade, ATTRIBUTES, latent_dim=64)
    torch.testing.assert_close(view.latent(0, 1, 0.0)[0], view.z[0])
    torch.testing.assert_close(view.latent(0, 1, 1.0)[0], view.z[1])
    ends = view.z[:2].norm(dim=1)
    assert float(view.latent(0, 1, 0.5).norm()) == pytest.approx(float(ends.mean()), rel=1e-4)
    assert torch.isfinite(view.latent(2, 2, 0.5)).all()


def test_three_attributes_are_wanted():
    with pytest.raises(ValueError, match="attributes must be three"):
        AskView(shade, {"smile": ("no", "yes")}, latent_dim=4)
