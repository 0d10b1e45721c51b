"""Lesson 18, the bug museum: each symptom holds for seeds that the notebook does not show, each repair is checked."""

import functools

import nbformat
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, log_softmax, nll_loss, one_hot, softplus

from gan_edu import losses
from gan_edu.first_edition.ensembles import train_ensemble
from gan_edu.lessons import l18_checks as checks
from notebooks import NOTEBOOKS, cells, definitions

OTHER_SEEDS = range(1000, 1008)  # the notebook shows 0 to 7


@pytest.fixture(scope="module")
def lesson():
    return definitions("18")


# ---- symptoms


def test_only_a_mixture_of_signs_sends_the_samples_away(lesson):
    ends = {
        name: lesson["distances_over_time"](used, OTHER_SEEDS)[1]
        for name, used in lesson["SIGNS"].items()
    }
    assert (ends["the exhibit"][:, -1] > 2 * ends["the exhibit"][:, 0]).all()
    for name in ("correct", "both turned"):
        assert (ends[name][:, -1] < 0.5 * ends[name][:, 0]).all()
    make = functools.partial(lesson["line_gan"], losses_used=lesson["SIGNS"]["the exhibit"])
    log = train_ensemble(make, seeds=OTHER_SEEDS, n_steps=lesson["N_LINE"]).history["d_loss"]
    assert (
        log[:, -20:].mean(axis=1) < log[:, 20:40].mean(axis=1)
    ).all()  # it looks like a critic that learns


@pytest.mark.parametrize("name", ["correct", "the exhibit"])
@pytest.mark.parametrize("weight", [1.0, 10.0, 100.0])
def test_the_slope_that_a_norm_by_pixel_asks_for(lesson, name, weight):
    penalty = {"correct": losses.gradient_penalty, "the exhibit": lesson["found_penalty"]}[name]
    slopes = np.array([lesson["settled_slope"](seed, penalty, weight) for seed in OTHER_SEEDS])
    assert (abs(slopes / lesson["law"](penalty, weight) - 1) < 0.25).all()
    assert (slopes > 7).all() if name == "the exhibit" else (slopes < 4).all()


def test_the_formula_of_a_norm_by_pixel_is_the_best_linear_critics(lesson):
    """Maximise what a linear critic earns, by gradient ascent over its 64 weights: an oracle for `law`."""
    delta = lesson["digits"].mean(dim=0)
    for penalty in (losses.gradient_penalty, lesson["found_penalty"]):
        critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1, bias=False))
        with torch.no_grad():
            critic[1].weight.copy_(0.01 * delta.reshape(1, 64).sign())
        optimizer = torch.optim.Adam(critic.parameters(), lr=0.05)
        for _ in range(1500):
            loss = -critic(delta[None]).mean() + 10.0 * penalty(critic, delta[None], delta[None])
            optimizer.zero_grad(), loss.backward(), optimizer.step()
        assert critic[1].weight.norm().item() == pytest.approx(
            lesson["law"](penalty, 10.0), rel=0.01
        )


def test_in_the_plane_the_norm_by_pixel_is_the_correct_penalty(lesson):
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    x_real, x_fake = torch.randn(2, 9, 2)
    values = [p(critic, x_real, x_fake, generator=torch.Generator().manual_seed(1))
              for p in (losses.gradient_penalty, lesson["found_penalty"], lesson["penalty_b"])]  # fmt: skip
    assert values[0].item() == pytest.approx(values[1].item()) == pytest.approx(values[2].item())


def test_a_norm_by_pixel_costs_quality(lesson):
    _, right = lesson["digit_quality"](losses.gradient_penalty, OTHER_SEEDS)
    _, found = lesson["digit_quality"](lesson["found_penalty"], OTHER_SEEDS)
    assert np.median(found) > 1.3 * np.median(right) and (found > right).mean() > 0.8


def test_without_detach_the_two_wasserstein_losses_cancel(lesson):
    kinds = ("correct", "cleared in time", "the exhibit")
    played = {kind: [lesson["play"](seed, kind) for seed in OTHER_SEEDS] for kind in kinds}
    curves = {kind: np.array([curve for curve, _ in runs]) for kind, runs in played.items()}
    pushes = {
        kind: np.array([np.median(push[:50]) for _, push in runs]) for kind, runs in played.items()
    }
    assert np.array_equal(curves["correct"], curves["cleared in time"])
    assert np.median(curves["the exhibit"][:, -1]) > 2 * np.median(curves["correct"][:, -1])
    assert (curves["correct"][:, -1] < 0.4 * curves["correct"][:, 0]).all()
    assert np.median(pushes["the exhibit"]) < 0.5 * np.median(pushes["correct"])


def test_two_softmaxes_have_a_floor_and_no_push_where_it_matters(lesson):
    found, floor = lesson["found_class_loss"], np.log(1 + 9 / np.e)
    sure = torch.zeros(1, 10)
    sure[0, 0] = 100.0
    assert found(sure, torch.tensor([0])).item() == pytest.approx(floor, rel=1e-5)
    assert cross_entropy(sure, torch.tensor([0])).item() == 0
    assert lesson["push"](cross_entropy, -10.0) > 0.99 and lesson["push"](found, -10.0) < 0.001
    runs = {
        loss: [lesson["classify"](seed, loss) for seed in OTHER_SEEDS]
        for loss in (cross_entropy, found)
    }
    accuracy = {loss: np.array([right for _, right in each]) for loss, each in runs.items()}
    assert min(min(curve) for curve, _ in runs[found]) > floor
    assert max(np.mean(curve[-10:]) for curve, _ in runs[cross_entropy]) < 0.6
    assert 0.75 < np.median(accuracy[found]) < np.median(accuracy[cross_entropy])


def test_two_softmaxes_in_an_acgan(lesson):
    right, found = (
        lesson["label_accuracy"](loss, OTHER_SEEDS)
        for loss in (cross_entropy, lesson["found_class_loss"])
    )
    assert np.median(right) > 0.99 and np.median(found) < 0.6 and (found < right).mean() >= 0.5


def test_a_large_eps_shrinks_the_signal_and_spoils_no_ring(lesson):
    widths = {make: [lesson["widths_along"](lesson[make], seed) for seed in OTHER_SEEDS] for make in ("block", "found_block")}  # fmt: skip
    assert abs(np.array(widths["block"]) - 1).max() < 0.02
    ratios = np.diff(np.log(widths["found_block"]), axis=1)
    assert (ratios < np.log(0.5)).all() and (np.array(widths["found_block"])[:, 4] < 0.03).all()
    w1 = [
        np.median(lesson["rings_of_blocks"](lesson[make], OTHER_SEEDS)[1])
        for make in ("block", "found_block")
    ]
    assert max(w1) < 1.35 * min(w1) and max(w1) < 0.4


def test_with_fewer_critic_updates_a_large_eps_even_helps(lesson):
    def member(seed, make_block):
        gan = lesson["ring_gan"](
            seed, generator=functools.partial(lesson["two_blocks"], lesson[make_block])
        )
        gan.hparams.n_critic = 2
        return gan

    w1 = {}
    for name in ("block", "found_block"):
        runs = train_ensemble(
            functools.partial(member, make_block=name),
            seeds=OTHER_SEEDS,
            n_steps=300,
            n_samples=500,
        )
        w1[name] = np.median(lesson["ring_quality"](runs.samples)[1])
    assert w1["found_block"] < 0.9 * w1["block"]


def test_batch_normalisation_hides_a_shift_from_the_critic(lesson):
    for shift in (1.0, 6.0):
        gaps = {make: np.array([lesson["settled_gap"](seed, lesson[make], shift) for seed in OTHER_SEEDS])
                for make in ("plain_critic", "found_critic")}  # fmt: skip
        assert (abs(gaps["plain_critic"] / (shift + shift**2 / 20) - 1) < 0.2).all()
        assert abs(gaps["found_critic"]).max() < 0.2
    places = {make: np.array([lesson["place_of_samples"](seed, lesson[make]) for seed in OTHER_SEEDS])
              for make in ("plain_critic", "found_critic")}  # fmt: skip
    assert abs(places["found_critic"]).max() < 1.5 < np.median(places["plain_critic"])
    assert abs(np.median(places["plain_critic"]) - 3) < 1


def test_one_epsilon_for_all_widens_the_penalty_and_spoils_no_ring(lesson):
    for seed in OTHER_SEEDS:
        gan = lesson["young_ring"](seed)
        right, found = (
            lesson["draws_of"](lesson["penalty_b"], gan, 200),
            lesson["draws_of"](lesson["penalty_a"], gan, 200),
        )
        assert abs(found.mean() / right.mean() - 1) < 0.15 and found.std() > 1.4 * right.std()
    w1 = []
    for name in ("penalty_a", "penalty_b"):
        make = functools.partial(lesson["ring_gan"], penalty=lesson[name])
        runs = train_ensemble(make, seeds=OTHER_SEEDS, n_steps=lesson["N_RING"], n_samples=1000)
        w1.append(np.median(lesson["ring_quality"](runs.samples)[1]))
    assert max(w1) < 1.25 * min(w1) and max(w1) < 0.4


def test_how_far_out_of_its_bounds_a_critic_is_that_is_clipped_too_early(lesson):
    found, right = lesson["found_turn"], lesson["clipped_turn"]
    beyond = {
        lr: np.array([lesson["largest_weight"](seed, found, lr) for seed in OTHER_SEEDS])
        for lr in (5e-5, 3e-3, 1e-2)
    }
    assert max(lesson["largest_weight"](seed, right, 1e-2) for seed in OTHER_SEEDS) < 1.0001
    assert (1 < beyond[5e-5]).all() and (beyond[5e-5] < 1.05).all()
    assert (beyond[3e-3] > 1.15).all() and np.median(beyond[1e-2]) > 1.5
    ends = {
        turn: [lesson["play_clipped"](seed, turn) for seed in range(1000, 1016)]
        for turn in (found, right)
    }
    assert np.median(ends[found]) < 2 * np.median(ends[right]) and max(ends[right]) < 1.2


# ---- repairs: the untouched lines, the solutions, and the usual half-repairs


def signs(critic=lambda r, f: f.mean() - r.mean(), generator=lambda f: -f.mean()):
    return critic, generator


WRONG_SIGNS = [
    (signs(generator=lambda f: f.mean()), "the generator asks for low scores"),
    (signs(lambda r, f: r.mean() - f.mean()), "turn one of them back"),
    (signs(lambda r, f: f.mean() + r.mean()), "adds the two means"),
    (signs(lambda r, f: abs(f.mean() - r.mean())), "no absolute value in the critic's loss"),
    (signs(lambda r, f: f.sum() - r.sum()), "the critic's loss adds the scores up"),
    (signs(lambda r, f: softplus(-r).mean() + softplus(f).mean()), "a discriminator's loss"),
    (signs(generator=lambda f: abs(f.mean())), "no absolute value in the generator's loss"),
    (signs(generator=lambda f: -f.sum()), "the generator's loss adds the scores up"),
    (signs(generator=lambda f: softplus(-f).mean()), "the generator's loss of lesson 2"),
    (signs(lambda r, f: f.max() - r.max()), "the critic's loss should be 1.65"),
    (signs(generator=lambda f: 3 * f.mean()), "the generator's loss should be -2.15"),
    (signs(lambda r, f: f - f), "must be one number"),
    (signs(lambda r, f: None), "the critic's loss returns nothing yet"),
    (signs(generator=lambda f: None), "the generator's loss returns nothing yet"),
    (signs(lambda r, f: 1 / 0), "ZeroDivisionError"),
]


def step(
    cut="x_fake",
    clear="each",
    sign_c=1.0,
    sign_g=1.0,
    order="critic first",
    retain=False,
    real=1.0,
    fake=1.0,
):
    """A step of a WGAN, right by default, with one fault for each argument."""

    def answer(generator, critic, g_optimizer, c_optimizer, x_real, z, clip_value):
        if clear == "top":
            g_optimizer.zero_grad(), c_optimizer.zero_grad()
        x_fake = generator(z)
        if cut == "everywhere":
            x_fake = x_fake.detach()
        on_fake = critic(x_fake.detach() if cut == "x_fake" else x_fake)
        if cut == "output":
            on_fake = on_fake.detach()
        c_loss = sign_c * (fake * on_fake.mean() - real * critic(x_real).mean())
        if "loss first" in order:
            g_loss = -critic(x_fake).mean()
        if clear in ("each", "critic"):
            c_optimizer.zero_grad()
        c_loss.backward(retain_graph=retain)
        if order == "loss first":
            g_optimizer.zero_grad()
            g_loss.backward()
        c_optimizer.step()
        losses.clip_weights_(critic, clip_value)
        if order == "loss first, after":
            g_loss.backward()
        if order == "critic first":
            if clear in ("each", "generator"):
                g_optimizer.zero_grad()
            (-sign_g * critic(x_fake).mean()).backward()
        g_optimizer.step()

    return answer


WRONG_STEPS = [
    (step(cut=None, clear="top", retain=True), "plus the critic's*"),
    (step(cut=None, clear="each", retain=True), "for nothing: detach"),
    (step(cut=None, clear="each"), "retain_graph=True silences that"),
    (step(cut="output"), "you cut off its *output*"),
    (step(cut="everywhere"), "the generator has not moved: you detach where it learns"),
    (step(cut="everywhere", clear="critic"), "by an old gradient alone"),
    (step(order="loss first, after"), "whose weights have changed since"),
    (step(real=0.0), "nothing from real samples"),
    (step(clear="generator"), "an old gradient is added to the critic's"),
    (step(clear="critic"), "an old gradient is added to the generator's"),
    (step(sign_c=-1.0), "the critic went up its loss"),
    (step(sign_g=-1.0), "goes where scores are low"),
    (step(order="loss first"), "as it was *before* its move"),
    (step(fake=2.0), "the critic's slope should descend"),
    (step(sign_g=2.0), "the generator's offset should descend"),
    (lambda *_, clip_value: None, "the critic has not moved"),
    (lambda *_, clip_value: 1 / 0, "ZeroDivisionError"),
]

WRONG_CLASS_LOSSES = [
    (lambda a, y: cross_entropy(a.softmax(1), y), "softmax is applied twice"),
    (lambda a, y: cross_entropy(a.softmax(0), y), "over the batch (dim=0)"),
    (lambda a, y: cross_entropy(a.sigmoid(), y), "a sigmoid squeezes"),
    (lambda a, y: nll_loss(a.softmax(1), y), "the logarithm is missing"),
    (lambda a, y: nll_loss(a, y), "you give it raw scores"),
    (lambda a, y: -cross_entropy(a, y), "the sign is wrong"),
    (lambda a, y: cross_entropy(a, y, reduction="sum"), "you add the samples up"),
    (lambda a, y: cross_entropy(a, y) / np.log(2), "in bits"),
    (
        lambda a, y: nn.functional.binary_cross_entropy_with_logits(
            a, one_hot(y, a.shape[1]).float()
        ),
        "separate yes-or-no questions",
    ),
    (lambda a, y: nll_loss(a.softmax(1).log(), y), "rounded to 0 before its logarithm"),
    (lambda a, y: cross_entropy(a.detach(), y), "has lost its gradient"),
    (lambda a, y: cross_entropy(a, y, reduction="none"), "must be one number"),
    (lambda a, y: a.mean(), "it should be"),
    (lambda a, y: None, "returns nothing yet"),
    (lambda a, y: 1 / 0, "ZeroDivisionError"),
]


def block(*settings, **named):
    return lambda n_in, n_out: nn.Sequential(
        nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out, *settings, **named), nn.LeakyReLU(0.2)
    )


WRONG_BLOCKS = [
    (block(0.8), "the second argument of nn.BatchNorm1d is eps"),
    (block(0.2), "another number in the same wrong place"),
    (block(momentum=0.8), "the opposite meaning"),
    (block(), "momentum is left at torch's 0.1"),
    (block(momentum=0.5), "keeps 0.5 of the old running mean"),
    (block(momentum=None), "the plain average"),
    (block(momentum=0.2, track_running_stats=False), "without running statistics"),
    (
        lambda n, m: nn.Sequential(nn.Linear(n, m), nn.LeakyReLU(0.2)),
        "the batch normalisation is gone",
    ),
    (lambda n, m: nn.Sequential(nn.BatchNorm1d(n), nn.Linear(n, m)), "the order is changed"),
    (
        lambda n, m: nn.Sequential(
            nn.Linear(n, n), nn.BatchNorm1d(n, momentum=0.2), nn.LeakyReLU()
        ),
        "n_out features",
    ),
    (lambda n, m: nn.Linear(m, n), "stops with RuntimeError"),
    (lambda n, m: None, "returns nothing yet"),
]


def critic(first=nn.Identity, second=nn.Identity, activation=nn.LeakyReLU, end=nn.Identity, last=1):
    return lambda: nn.Sequential(
        nn.Linear(2, 32),
        first(),
        activation(),
        nn.Linear(32, 32),
        second(),
        activation(),
        nn.Linear(32, last),
        end(),
    )


class Centred(nn.Module):
    def forward(self, x):
        return x - x.mean(dim=0)


norm = functools.partial(nn.BatchNorm1d, 32)
WRONG_CRITICS = [
    (critic(norm, norm), "there are 2 batch normalisations"),
    (critic(norm), "one batch normalisation is left"),
    (critic(lambda: norm().eval(), lambda: norm().eval()), "until somebody calls train()"),
    (critic(functools.partial(norm, track_running_stats=False)), "what happens in evaluation"),
    (critic(lambda: nn.Dropout(0.3)), "with dropout"),
    (critic(Centred), "something else averages over dim=0"),
    (critic(end=nn.Sigmoid), "squeezed into a bounded range"),
    (critic(activation=nn.Identity), "the critic is a plane"),
    (critic(last=3), "it became (8, 3)"),
    (lambda: 1 / 0, "ZeroDivisionError"),
    (lambda: None, "returns nothing yet"),
]


def turn(clip="after", what="weights", step=True, zero=True, sign=1.0):
    """A turn of a clipped critic, right by default, with one fault for each argument."""

    def limit(critic, c):
        if what == "gradients":
            nn.utils.clip_grad_value_(critic.parameters(), c)
        elif what == "gradient norm":
            nn.utils.clip_grad_norm_(critic.parameters(), c)
        else:
            with torch.no_grad():
                for name, p in critic.named_parameters():
                    if what == "above":
                        p.clamp_(max=c)
                    elif what == "positive":
                        p.clamp_(0, c)
                    elif what == "weights" or name == "weight":
                        p.clamp_(-c, c)

    def answer(critic, optimizer, x_real, x_fake, clip_value):
        if zero:
            optimizer.zero_grad()
        (sign * (critic(x_fake).mean() - critic(x_real).mean())).backward()
        if clip in ("before", "both"):
            limit(critic, clip_value)
        if step:
            optimizer.step()
        if clip in ("after", "both"):
            limit(critic, clip_value)

    return answer


WRONG_TURNS = [
    (turn(clip="before"), "steps out of the bounds again"),
    (turn(clip=None), "neither before nor after"),
    (turn(clip="before", what="gradients"), "you clip the gradients (each number)"),
    (turn(clip="before", what="gradient norm"), "you clip the gradients (their norm)"),
    (turn(what="no bias"), "the bias is not clipped"),
    (turn(what="positive"), "the lower bound is -c"),
    (turn(what="above"), "weights below -c are left"),
    (turn(zero=False), "an old gradient is added"),
    (turn(sign=-1.0), "the critic went up its loss"),
    (turn(step=False), "the critic has not learnt"),
    (turn(sign=3.0), "the weights should be"),
    (lambda *_: None, "nothing has moved"),
    (lambda *_: 1 / 0, "ZeroDivisionError"),
]


def says(capsys, check, *arguments):
    verdict = check(*arguments)
    return verdict, capsys.readouterr().out


@pytest.mark.parametrize("pair, hint", WRONG_SIGNS)
def test_each_wrong_pair_of_signs_gets_its_own_hint(capsys, pair, hint):
    verdict, words = says(capsys, checks.check_signs, *pair)
    assert not verdict and hint in words


def test_both_signs_turned_are_right(capsys):
    verdict, words = says(
        capsys, checks.check_signs, lambda r, f: r.mean() - f.mean(), lambda f: f.mean()
    )
    assert verdict and "called -f" in words


@pytest.mark.parametrize("answer, hint", WRONG_STEPS)
def test_each_wrong_step_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_wgan_step, answer)
    assert not verdict and hint in words


def test_right_steps_pass():
    assert checks.check_wgan_step(step()) and checks.check_wgan_step(
        step(clear="each", retain=True)
    )
    assert checks.check_wgan_step(step(cut="x_fake", clear="top"))


@pytest.mark.parametrize("answer, hint", WRONG_CLASS_LOSSES)
def test_each_wrong_class_loss_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_auxiliary_loss, answer)
    assert not verdict and hint in words


def test_one_softmax_wherever_it_stands_is_right():
    assert checks.check_auxiliary_loss(cross_entropy)
    assert checks.check_auxiliary_loss(lambda a, y: nll_loss(log_softmax(a, 1), y))
    assert checks.check_auxiliary_loss(
        lambda a, y: cross_entropy(log_softmax(a, 1), y)
    )  # log_softmax twice is once


@pytest.mark.parametrize("answer, hint", WRONG_BLOCKS)
def test_each_wrong_block_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_generator_block, answer)
    assert not verdict and hint in words


def test_right_blocks_pass():
    assert checks.check_generator_block(block(momentum=0.2)) and checks.check_generator_block(
        block(1e-3, 0.2)
    )


@pytest.mark.parametrize("answer, hint", WRONG_CRITICS)
def test_each_wrong_critic_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_penalised_critic, answer)
    assert not verdict and hint in words


@pytest.mark.parametrize(
    "layer", [nn.Identity, lambda: nn.LayerNorm(32), lambda: nn.GroupNorm(4, 32)]
)
def test_critics_that_judge_each_sample_alone_pass(layer):
    assert checks.check_penalised_critic(critic(layer, layer))


@pytest.mark.parametrize("answer, hint", WRONG_TURNS)
def test_each_wrong_turn_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_clipped_turn, answer)
    assert not verdict and hint in words


@pytest.mark.parametrize("clip", ["after", "both"])
def test_right_turns_pass(clip):
    assert checks.check_clipped_turn(turn(clip=clip))


UNTOUCHED = {  # room: what the check says of the lines as they hang there
    1: "the generator asks for low scores", 2: "flatten each gradient", 3: "plus the critic's*", 4: "softmax is applied twice",
    5: "is eps", 6: "there are 2 batch normalisations", 7: "same for the whole batch", 8: "steps out of the bounds again",
}  # fmt: skip


@pytest.mark.parametrize("room", UNTOUCHED)
def test_the_untouched_lines_get_their_own_hint_and_the_solution_passes(lesson, room, capsys):
    exercises, namespace = cells("18", "exercise"), dict(lesson)
    stub, checked = exercises[2 * room - 2 : 2 * room]
    namespace |= {name: check for name, check in vars(checks).items() if name.startswith("check_")}
    exec(stub.source, namespace)
    exec(checked.source, namespace)
    words = capsys.readouterr().out
    assert words.startswith("Not yet: ") and UNTOUCHED[room] in words and words.count("\n") == 1
    solution = cells("18", "solution")[room - 1]
    assert solution.metadata["jupyter"]["source_hidden"] and "assert check_" in solution.source
    exec(solution.source, namespace)
    assert capsys.readouterr().out.startswith("Right: ")


@pytest.mark.parametrize("room", UNTOUCHED)
def test_what_is_to_be_mended_is_what_is_on_show(room):
    """The stub of each room is its exhibit under another name."""
    exhibits = [cell.source for cell in cells("18", "exhibit")]
    shown = (
        exhibits[0].split("\n\n\n")[0] if room == 7 else exhibits[room if room < 7 else room - 1]
    )
    stub = cells("18", "exercise")[2 * room - 2].source

    def bare(source):
        lines = [
            line.partition("#")[0].strip() for line in source.splitlines() if "fmt" not in line
        ]
        return [
            line
            for line in lines
            if line
            and not line.startswith(("def ", "norm = "))
            and "norm" not in line.split("=")[0]
        ]

    if room != 5:  # there the stub gives the layer a name of its own
        assert bare(stub) == bare(shown)
    assert "nn.BatchNorm1d(n_out, 0.8)" in stub or room != 5


def test_every_room_has_its_verdict_and_its_repair():
    notebook = nbformat.read(next(NOTEBOOKS.glob("18*.ipynb")), as_version=4)
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for part in ("**The exhibit", "How it gets in.**", "Predict, then run.**", "**What you should have seen.**", "**Verdict:", "**Repair.**"):  # fmt: skip
        assert words.count(part) == 8, part


# ---- the penalty of rooms 2 and 7


def penalty(
    epsilon=None, norm=None, term=None, at=None, mean=torch.mean, create_graph=True, swap=False
):
    """A learner's penalty, right but for what is given."""

    def written(critic, x_real, x_fake, generator=None):
        shape = (len(x_real), *[1] * (x_real.ndim - 1)) if epsilon is None else epsilon(x_real)
        draws = torch.rand(shape, generator=generator)
        draws = 1 - draws if swap else draws
        x_hat = torch.lerp(x_fake, x_real, draws) if at is None else at(x_real, x_fake)
        x_hat = x_hat.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=create_graph)
        norms = gradient.flatten(1).norm(dim=1) if norm is None else norm(gradient)
        return mean((norms - 1).square() if term is None else term(norms))

    return written


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda *a, generator=None: None, "returns nothing yet"),
        (lambda critic, x, y: 0, "stops with TypeError"),
        (lambda *a, generator=None: 0.5, "item() and float() cut the graph"),
        (penalty(mean=lambda v: v), "it has shape (6,)"),
        (penalty(epsilon=lambda x: (1,)), "same for the whole batch"),
        (penalty(epsilon=lambda x: x.shape), "different for each pixel"),
        (penalty(epsilon=lambda x: (len(x), 1)), "two shapes do not line up"),
        (penalty(epsilon=lambda x: (32, 1, 1, 1)), "whatever N is"),
        (
            lambda critic, x, y, generator=None: torch.autograd.grad(critic(x).detach().sum(), x),
            "no way back to x_hat",
        ),
        (penalty(norm=lambda g: g.norm(dim=1)), "flatten each gradient"),
        (penalty(norm=lambda g: g.norm(dim=-1)), "flatten each gradient"),
        (penalty(norm=torch.norm), "one norm over the whole batch"),
        (penalty(term=lambda n: n - 1), "the square is missing"),
        (penalty(term=lambda n: (n - 1).abs()), "that is |norm - 1|"),
        (penalty(term=lambda n: n**2 - 1), "not norm² - 1"),
        (penalty(term=torch.square), "you pull the slope to 0"),
        (penalty(term=lambda n: (n - 1).clamp(min=0).square()), "one-sided"),
        (penalty(at=lambda x, y: x), "the real samples only"),
        (penalty(at=lambda x, y: y), "the generated samples only"),
        (penalty(mean=torch.sum), "you add the samples up"),
        (penalty(mean=lambda v: 10 * v.mean()), "λ is inside"),
        (penalty(create_graph=False), "Where is create_graph=True?"),
        (
            penalty(at=lambda x, y: torch.lerp(y, x, torch.rand(6, 1, 1, 1))),
            "the same generator gives another ε",
        ),
        (penalty(mean=lambda v: v.mean() + 0.7), "it should be"),
    ],
)
def test_each_wrong_penalty_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_gradient_penalty, answer)
    assert not verdict and hint in words


@pytest.mark.parametrize("answer", [penalty(), penalty(swap=True), losses.gradient_penalty])
def test_right_penalties_pass(capsys, answer):
    verdict, words = says(capsys, checks.check_gradient_penalty, answer)
    assert verdict and words.startswith("Right")
