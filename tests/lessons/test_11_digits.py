"""Lesson 11: its networks and step, its exercises, its judge, its film and what is stored."""

import json
import struct

import numpy as np
import pytest
import torch
from hints import each_wrong
from matplotlib.figure import Figure
from torch import nn
from torch.nn.utils import parameters_to_vector

from benchmarks import digits, digits_critics
from benchmarks.stored import fingerprint
from gan_edu.datasets import load_mnist
from gan_edu.lessons import l11_checks as checks
from gan_edu.lessons import l11_digits as room
from gan_edu.lessons import l11_judge, l11_source
from gan_edu.metrics import frechet_distance
from gan_edu.players import weights
from gan_edu.run import Run


@pytest.fixture(scope="module")
def judge(lesson):
    return lesson["judge"] if "judge" in lesson else l11_judge.Judge(*load_mnist())


def test_the_step_on_the_page_is_the_stored_and_the_cores(lesson):
    steps = lesson["step"], lesson["step_solution"], checks.stepping()
    runs = [Run(lesson["build"], step, lesson["settings"], seed=2).steps(1) for step in steps]
    mine, stored, core = (parameters_to_vector(weights(run.gan)) for run in runs)
    assert torch.equal(mine, stored) and torch.equal(mine, core)


@pytest.mark.parametrize("recipe", ["course", "source"])
def test_what_is_stored_is_of_this_page_and_can_be_loaded(recipe, lesson):
    film = room.Film(recipe)
    assert film.made["code"] == fingerprint(digits.NOTEBOOK) and film.made["seed"] == 0
    assert film.made["steps"] == film.steps[-1] and film.x.shape == (len(film.steps), 25, 1, 28, 28)
    assert len(film.gap) == film.steps[-1] // 10 and (np.diff(film.steps) > 0).all()
    if recipe == "course":
        G = lesson["build_stored"]().G
    else:
        G = l11_source.source_generator()
        G.load_state_dict(torch.load(room.WEIGHTS / "digits_source.pt", weights_only=True)["G"])
    again = room.digits_of(G, digits.Z)  # from weights of half precision
    assert (again - film.x[-1]).abs().mean() < 0.02 and torch.equal(digits.Z, room.Z)


def test_the_critics_of_the_source_and_with_its_two_layers(lesson):
    assert sum(p.numel() for p in l11_source.source_critic().parameters()) == 99_649
    kinds = {name: [type(layer).__name__ for layer in l11_source.critic_with(lesson["critic_solution"](), name)] for name in l11_source.CRITICS}  # fmt: skip
    plain, normed, dropped = kinds.values()
    assert normed.count("BatchNorm2d") == 3 and dropped.count("Dropout") == 4
    assert normed[:3] == plain[:3] and dropped[:3] == ["Conv2d", "LeakyReLU", "Dropout"]
    before = dict(lesson)
    run = digits_critics.trained(lesson, l11_source.CRITICS[1], seed=0, n_steps=1)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in run.gan.D) and lesson == before


def test_the_stored_critics_are_of_this_page():
    stored = json.loads(l11_source.STORED.read_text(encoding="utf-8"))
    assert stored["made"]["code"] == fingerprint(digits_critics.NOTEBOOK)
    assert list(stored["runs"]) == list(l11_source.CRITICS) and stored["made"]["steps"] == 400
    assert [len(runs) for runs in stored["runs"].values()] == [3, 3, 3]
    assert l11_source.verdict(l11_source.load_critics(), "?") == l11_source.CRITICS[0]


@pytest.mark.parametrize("ends, best", [(([1, 2], [3, 4]), "a"), (([1, 3], [2, 4]), "?"), (([5, 6], [3, 4]), "b")])  # fmt: skip
def test_overlapping_ranges_have_no_winner(ends, best):
    critics = dict(zip("ab", ([{"Fréchet": v} for v in one] for one in ends)))
    assert l11_source.verdict(critics, "?") == best


def test_the_film_plays_what_is_stored_again_and_again():
    film = room.Film("course")
    run = Run(film.build, film.step).steps(3)
    film.view(fig := Figure(), run.gan, run.log)
    assert f"after {film.steps[3]:,} steps" in fig.axes[0].get_title()
    film.view(again := Figure(), run.gan, run.steps(len(film.steps)).log)
    assert again.words == fig.words


def test_the_measures_on_known_cases(judge):
    assert judge.images[-2000:].equal(torch.cat([judge.others, judge.reference]))
    pixels, rows = judge.images.flatten(1), judge.others[:20].flatten(1)
    apart = (rows[:, None] - pixels[None, :3000]).square().sum(2).sqrt()  # none of them is itself
    near, _ = l11_judge.nearest(judge.others[:20], judge.images[:3000])
    assert torch.allclose(near, apart.min(1).values, atol=1e-2)
    own, which = l11_judge.nearest(judge.images[:50], judge.images, own=True)
    assert own.min() > 1 and not (which == torch.arange(50)).any()
    with torch.no_grad():
        features = judge.features(judge.others)
    found = judge.measure(judge.others)["Fréchet"]
    assert found == pytest.approx(frechet_distance(features, judge.known))
    assert judge.measure(judge.images[[4]].expand(1000, -1, -1, -1))["unevenness"] == pytest.approx(0.9)  # fmt: skip


@pytest.mark.again
def test_twelve_judges_are_sure_of_grey_pictures():
    film = room.Film("course")
    judges = [l11_judge.Judge(*load_mnist(), seed=k) for k in range(12)]
    means = np.array([judge.read(film)[0] for judge in judges])  # (12, K)
    assert 0.5 < means[:, 0].min() < 0.65 and means[:, 0].max() > 0.95
    late = film.steps > 5_000
    assert (means[:, late].mean(1) > means[:, ~late].mean(1)).all()


@pytest.mark.again
def test_what_the_lesson_says_of_the_measures_holds_for_other_draws(judge, lesson):
    random = torch.Generator().manual_seed(7)
    noise = torch.randint(0, 2, (1000, 1, 28, 28), generator=random) * 2.0 - 1
    moved = judge.images[1:3000:3].roll(1, 2)
    floor = judge.measure(judge.reference, own=True, known=judge.known)["nearest"]
    assert judge.measure(noise)["top probability"] > 0.6
    assert abs(judge.measure(moved)["nearest"] / floor - 1) < 0.15
    G = lesson["build_stored"]().G.train()
    some = [judge.measure(room.digits_of(G, torch.randn(1000, 100, generator=random)))["Fréchet"] for _ in range(5)]  # fmt: skip
    assert 4 < min(some) and max(some) > 1.2 * min(some) and max(some) < 30


test_each_wrong_scale_gets_its_own_hint = each_wrong(checks.check_scaling,
    (lambda v: (v / 127.5 - 1, v / 255), "Right"), (lambda v: ((v - 127.5) / 127.5, v / 255), "Right"), (lambda v: (..., ...), "still a blank"),
    (lambda v: (v / 255, v / 255), "middle of tanh"), (lambda v: (v / 127.5, v), "from 0 to 2. Now"), (lambda v: (v / 255 - 0.5, v), "−0.5 to 0.5"),
    (lambda v: (v / 127.5 - 2, v), "from −2 to 0"), (lambda v: (1 - v / 127.5, v), "upside down"), (lambda v: (v / 127.5 - 1, v / 127.5), "divide by 2"),
    (lambda v: (v / 127.5 - 1, v / 255 + 0.5), "becomes 0.5"), (lambda v: (v / 127.5 - 1, v / 255 - 0.5), "becomes −0.5"), (lambda v: (v / 127.5 - 1, v), "goes up to 255"),
)  # fmt: skip


def generator(hidden=32, second=lambda: nn.Conv2d(32, 16, 3, padding=1), last=nn.Tanh, norm=nn.BatchNorm2d, act=nn.ReLU):  # fmt: skip
    return lambda: nn.Sequential(
        nn.Linear(100, 49 * hidden), act(), nn.Unflatten(1, (hidden, 7, 7)),
        nn.Upsample(scale_factor=2), nn.Conv2d(hidden, 32, 3, padding=1), norm(32), act(),
        nn.Upsample(scale_factor=2), second(), norm(16), act(), nn.Conv2d(16, 1, 3, padding=1), last(),
    )  # fmt: skip


test_each_wrong_generator_gets_its_own_hint = each_wrong(checks.check_digit_generator,
    (generator(), "Right"), (lambda: ..., "still a blank"), (generator(last=nn.Sigmoid), "a sigmoid gives"), (generator(last=nn.Identity), "between −1 and 1"),
    (generator(norm=lambda n: nn.Identity()), "batch normalisation belongs"), (generator(act=nn.Identity), "a ReLU is missing"), (generator(hidden=64), "weights of layer 1"),
    (generator(second=lambda: nn.Conv2d(32, 16, 3)), "(4, 1, 26, 26)"), (generator(second=lambda: nn.Conv2d(32, 16, 5, padding=2)), "weights of layer 4"),
    (generator(second=lambda: nn.ConvTranspose2d(32, 16, 3, padding=1)), "grows by Upsample"), (lambda: nn.Sequential(nn.Identity(), *generator()()), "order of the comments"),
)  # fmt: skip


def critic(last=(), norm=None, act=lambda: nn.LeakyReLU(0.2), strides=(2, 2, 2, 1), third=64, pool=()):  # fmt: skip
    def build():
        sizes, found = [(1, 16), (16, 32), (32, third), (third, 128)], []
        for (a, b), stride in zip(sizes, strides):
            found += [nn.Conv2d(a, b, 3, stride=stride, padding=1), *([norm(b)] if norm else []), act()]  # fmt: skip
        return nn.Sequential(*found, *pool, nn.Flatten(), nn.LazyLinear(1), *last)

    return build


test_each_wrong_critic_gets_its_own_hint = each_wrong(checks.check_digit_critic,
    (critic(), "Right"), (lambda: ..., "still a blank"), (critic(norm=nn.BatchNorm2d), "slope at each picture"), (critic([nn.Sigmoid()]), "no sigmoid"),
    (critic(pool=[nn.AvgPool2d(2)]), "without pooling"), (critic(act=nn.Identity), "followed by a LeakyReLU"), (critic(strides=(2, 2, 1, 1)), "weights of layer 5"),
    (critic(third=48), "weights of layer 3"), (critic(last=[nn.Linear(1, 2)]), "it becomes (4, 2)"),
)  # fmt: skip

test_each_wrong_digit_step_gets_its_own_hint = each_wrong(checks.check_digit_step,
    (checks.stepping(), "Right"), (checks.stepping(loss_D=lambda g, w, p: -g + w * p), "Right"), (checks.stepping(loss_D=lambda g, w, p: ...), "still a blank"),
    (checks.stepping(n_critic=1), "its turn once"), (checks.stepping(loss_D=lambda g, w, p: g + w * p), "minus the gap."),
    (checks.stepping(loss_D=lambda g, w, p: -g - w * p), "paid for its penalty"), (checks.stepping(loss_D=lambda g, w, p: p - g), "factor λ"),
    (checks.stepping(loss_D=lambda g, w, p: -g), "penalty is not in"), (checks.stepping(loss_D=lambda g, w, p: w * p), "gap is not in"), (checks.stepping(sign=-1), "real minus generated"),
    (checks.stepping(sign=-1, loss_D=lambda g, w, p: g + w * p), "shows minus the gap"), (checks.stepping(loss_G=lambda s: s.mean()), "high ones"),
    (checks.stepping(reuse=True), "new latents"), (checks.stepping(n_critic=4), "should be"),
)  # fmt: skip


def far(x, images, p=2.0):
    return torch.cdist(x.flatten(1), images.flatten(1), p=p)


test_each_wrong_neighbour_gets_its_own_hint = each_wrong(checks.check_nearest_digit,
    (lambda x, y: tuple(far(x, y).min(1)), "Right"), (lambda x, y: (..., ...), "still a blank"), (lambda x, y: tuple(far(x, y).max(1)), "farthest"),
    (lambda x, y: (far(x, y).min(1)[0] ** 2, far(x, y).argmin(1)), "these are squares"), (lambda x, y: (far(x, y).min(1)[0] / 784, far(x, y).argmin(1)), "number of pixels"),
    (lambda x, y: tuple(far(x, y, 1.0).min(1)), "absolute differences"), (lambda x, y: tuple(far(x, y).min(1))[::-1], "distance first"),
    (lambda x, y: tuple(far(x, y).min(0)), "must have shape"), (lambda x, y: (far(x, y).min(1)[0] + 1, far(x, y).argmin(1)), "should be"),
)  # fmt: skip

test_each_wrong_set_of_slips_gets_its_own_hint = each_wrong(checks.check_slips,
    ("abcfg", "Right"), ({"g", "f", "c", "b", "a"}, "Right"), ("A, B, C, F, G", "Right"), (..., "write the letters"), ("abdfg", "line d is right"), ("e", "line e is right"),
    ("h", "a critic has no sigmoid"), ("ij", "minus the gap"), ("j", "0…1"), ("abcf", "4 of 5. Look at line g"), ("bcfg", "What does the WGAN"), ("acfg", "batch_size"),
    ("abfg", "lesson 8 quotes"), ("abcg", "root at 0"), ("z", "no line z"),
)  # fmt: skip


def written(head=lambda a: bytes([0, 0, 8, a.ndim]), sizes=lambda a: struct.pack(f">{a.ndim}I", *a.shape), body=lambda a: a.tobytes()):  # fmt: skip
    return lambda path, a: path.write_bytes(head(a) + sizes(a) + body(a))


test_each_wrong_file_gets_its_own_hint = each_wrong(checks.check_idx_file,
    (written(), "Right"), (lambda path, a: ..., "still a blank"), (lambda path, a: None, "no file was written"), (written(lambda a: bytes([0, 0, 8, 3])), "an array of 1 axes"),
    (written(lambda a: bytes([0, 0, 1, a.ndim])), "should begin with"), (written(sizes=lambda a: struct.pack(f"<{a.ndim}I", *a.shape)), "wrong way round"),
    (written(sizes=lambda a: b""), "sizes (3, 4, 5) should follow"), (written(body=lambda a: a.astype(float).tobytes()), "60 bytes should follow"),
    (written(body=lambda a: a.T.tobytes()), "another order"),
)  # fmt: skip
