"""Lesson 16: its GAN on the page and in the first panel, each wrong answer's hint, and what is stored."""

import json

import numpy as np
import pytest
import torch
from hints import each_wrong
from torch import nn
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector

from benchmarks import conditional_digits
from benchmarks.stored import defined, fingerprint
from gan_edu.lessons import l16_checks as checks
from gan_edu.lessons import l16_conditional_digits as room
from gan_edu.lessons import l16_measured as measured
from gan_edu.lessons.l16_judge import MANY, Judge, Y
from gan_edu.networks import mlp
from gan_edu.players import weights
from gan_edu.run import Run, descend
from notebooks import cells


@pytest.fixture(scope="module")
def page():
    return defined(conditional_digits.NOTEBOOK)


@pytest.mark.parametrize("notes", room.knobs["notes"].options)
def test_the_first_panel_trains_as_the_page_does(page, notes):
    knobs = dict(notes=notes, lr=2e-3, r1=1.0)
    mine = Run(page["build"], page["step"], knobs, 3).steps(2)
    panels = Run(room.build, room.step, knobs, 3).steps(2)
    assert torch.equal(*(parameters_to_vector(weights(run.gan)) for run in (mine, panels)))
    assert all(np.array_equal(mine.log[name], panels.log[name]) for name in mine.log)


def test_the_step_takes_the_turns_of_the_exercise(page):
    def turned(gan, knobs):
        chosen, y = next(gan.batches), page["labels"][torch.randint(3000, (64,))]
        pair = page["images"][chosen], page["labels"][chosen]
        losses = page["turns_solution"](gan, *pair, torch.randn(64, 32), y, knobs.lr)
        return dict(zip(("loss of D", "loss of G"), losses))

    knobs = dict(notes="right", lr=2e-3, r1=0.0)
    runs = [Run(page["build"], step, knobs, 3).steps(2) for step in (page["step"], turned)]
    assert torch.allclose(*(parameters_to_vector(weights(run.gan)) for run in runs), atol=1e-5)
    assert all(np.allclose(runs[0].log[name], runs[1].log[name]) for name in runs[0].log)


def test_the_stored_runs_have_the_settings_of_the_page():
    assert any("settings = dict(lr=2e-3, r1=1.0)" in cell.source for cell in cells("16"))
    assert measured.SETTINGS == dict(lr=2e-3, r1=1.0)


def test_the_three_sets_share_no_digit_and_have_each_label_equally_often():
    sets = room.split_digits()
    assert [len(y) for _, y in sets] == [3000, 1000, 1000]
    assert all((y.bincount() == len(y) // 10).all() for _, y in sets)
    rows = torch.cat([x.flatten(1) for x, _ in sets])
    assert len(torch.unique(rows, dim=0)) == 5000


# ---- each wrong answer gets its own hint


def generator(forward=lambda G, z, y: torch.cat([z, G.embed(y)], 1), table=(10, 16), embed=None):
    """Return a class of generators."""

    class Answer(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(*table) if embed is None else embed
            self.net = mlp(48, 784)

        def forward(self, z, y):
            return self.net(forward(self, z, y))

    return Answer


def hot(y):
    return nn.functional.one_hot(y, 10).float()


test_each_wrong_generator_gets_its_own_hint = each_wrong(checks.check_asked_generator,
    (generator(), "Right"), (generator(lambda G, z, y: torch.cat([G.embed(y), z], 1)), "Right"), (..., "write a function"), (generator(lambda G, z, y: ...), "still a blank"), (generator(embed=...), "still a blank"),
    (generator(embed=nn.Linear(10, 16)), "not Linear"), (generator(table=(16, 10)), "comes first"), (generator(table=(10, 8)), "it is (10, 8)"), (generator(lambda G, z, y: G.embed(y)), "where is the latent"),
    (generator(lambda G, z, y: z), "gets 32 numbers"), (generator(lambda G, z, y: torch.cat([z, y[:, None]], 1)), "as one number"), (generator(lambda G, z, y: torch.cat([z, hot(y)], 1)), "one-hot vector"),
    (generator(lambda G, z, y: torch.cat([z, G.embed(y[:1]).expand(len(z), -1)], 1)), "first one's label"), (generator(lambda G, z, y: torch.cat([z, G.embed(0 * y)], 1)), "label 0"),
)  # fmt: skip


def pairing(label=lambda y: y, after=lambda a: a.squeeze(1)):
    def forward(D, x, y):
        return after(D.head(torch.cat([D.body(x), D.embed(label(y))], 1)))

    return forward


test_each_wrong_pair_gets_its_own_hint = each_wrong(checks.check_pair_logit,
    (pairing(), "Right"), (lambda D, x, y: ..., "still a blank"), (pairing(after=lambda a: a), "it is (n, 1)"), (pairing(after=lambda a: a.squeeze(1).sigmoid()), "leave the sigmoid out"),
    (pairing(lambda y: 0 * y), "where is y"), (pairing(lambda y: y[:1].expand(len(y))), "first label"), (pairing(lambda y: y.flip(0)), "opposite order"), (pairing(after=lambda a: a.mean()), "shape"),
)  # fmt: skip


def turn(real="y_real", fake="y", last="y", wish="y", signs="-+-", end=True, judged="x_real"):
    def turns(gan, x_real, y_real, z, y, lr):
        label, sign = dict(y_real=y_real, y=y, mixed=y_real.roll(1)), [dict(zip("+-", (1, -1)))[s] for s in signs]  # fmt: skip
        x_fake = gan.G(z, label[wish])
        loss_D = softplus(sign[0] * gan.D(x_real, label[real])).mean() + softplus(sign[1] * gan.D(x_fake, label[fake])).mean()  # fmt: skip
        descend(gan.opt_D, loss_D, lr)
        loss_G = softplus(sign[2] * gan.D(x_fake, *([label[last]] if last else []))).mean()
        if end:
            descend(gan.opt_G, loss_G, lr)
        return loss_D, loss_G

    return turns


test_each_wrong_turn_gets_its_own_hint = each_wrong(checks.check_turns,
    (turn(), "Right"), (lambda *a: ..., "still a blank"), (lambda gan, *a: gan.G(...), "still a blank"), (lambda gan, *a: gan.G(a[2], ...), "still a blank"), (turn(last=None), "a label is missing"), (turn(last="y_real"), "in G's turn D judges"),
    (turn(real="y"), "Theirs are y_real"), (turn(fake="y_real"), "in D's turn. They"), (turn(fake="y_real", last="y_real"), "in both turns"), (turn(real="y", fake="y_real"), "changed places"),
    (turn(wish="y_real"), "asked for y_real. Here"), (turn(wish="y_real", fake="y_real", last="y_real"), "would train, too"), (turn(real="mixed"), "in another order"), (turn(signs="-++"), "G wants D to say real"),
    (turn(signs="+--"), "wrong way round"), (turn(end=False), "G has not moved"), (turn(signs="---"), "should be"),
)  # fmt: skip


def spread(of=lambda x: x.var(0).sum(), ratio=lambda a, b: a / b, end=lambda r: r.mean(), wrong=False):  # fmt: skip
    def answer(x, y, real, y_of_real):
        picked = y if wrong else y_of_real
        return end(torch.stack([ratio(of(x[y == k]), of(real[picked == k])) for k in range(10)]))

    return answer


def summed(x, y, real, z):
    return sum(x[y == k].var(0).sum() for k in range(10)) / sum(real[z == k].var(0).sum() for k in range(10))  # fmt: skip


test_each_wrong_spread_gets_its_own_hint = each_wrong(checks.check_spread_within,
    (spread(), "Right"), (lambda *a: ..., "still a blank"), (lambda x, y, r, z: x.var(0).sum() / r.var(0).sum(), "all pictures together"), (spread(ratio=lambda a, b: b / a), "changed places"), (summed, "divided once"),
    (spread(end=lambda r: r.sum()), "sum of the ten"), (spread(lambda x: x.std(0).sum()), "leave out the root"), (spread(lambda x: x.var()), "mixes pixels"), (spread(ratio=lambda a, b: a), "not divided"), (spread(wrong=True), "y_of_real"),
)  # fmt: skip


def two(pair, n=20):
    def answer(real, y):
        x = real.clone()
        for k in range(10):
            x[y == k] = torch.stack(pair(real[y == k])).repeat(n, 1)
        return x

    return answer


def around(step):
    return two(lambda x: (x.mean(0) - step(x), x.mean(0) + step(x)))


test_each_wrong_pair_of_pictures_gets_its_own_hint = each_wrong(checks.check_two_pictures,
    (around(lambda x: x.std(0)), "Right"), (two(lambda x: (-x.std(0), x.std(0))), "Right"), (lambda real, y: ..., "still a blank"), (lambda real, y: real, "here there are 40"), (around(lambda x: 0), "here there are 1."),
    (two(lambda x: (x.mean(0), x.mean(0) + x.std(0))), "half as far apart"), (around(lambda x: 2 * x.std(0)), "the spread is 4"), (around(lambda x: x.var(0)), "take its root"), (around(lambda x: x.std()), "mixes numbers"),
    (two(lambda x: (x[0], x[1])), "as chance will have it"), (two(lambda x: (x[2], x[5])), "their spread is"), (lambda real, y: real[:20], "it should be (400, 6)"), (lambda real, y: None, "returns nothing yet"),
)  # fmt: skip


def classed(c_of=lambda c: c, total=lambda c: c.logsumexp(1), sign=1, end=lambda r: r.mean()):
    def answer(c, y):
        c = c_of(c)
        return sign * end(total(c) - c.gather(1, y[:, None]).squeeze(1))

    return answer


test_each_wrong_class_loss_gets_its_own_hint = each_wrong(checks.check_class_loss,
    (classed(), "Right"), (lambda c, y: ..., "still a blank"), (classed(end=lambda r: r.sum()), "sum over the batch"), (classed(sign=-1), "wrong way round"), (classed(lambda c: c.softmax(1)), "two softmaxes"),
    (lambda c, y: -c.softmax(1).gather(1, y[:, None]).mean(), "logarithm is missing"), (classed(total=lambda c: 0), "alone"), (lambda c, y: (c.logsumexp(0).mean() - c.gather(1, y[:, None])).mean(), "over the batch"),
    (classed(total=lambda c: c.sum(1)), "exponentials are missing"), (lambda c, y: classed()(c, y) / np.log(10), "base 10"), (classed(lambda c: c.detach()), "gradient is not"),
)  # fmt: skip


# ---- what is stored


def test_the_table_is_of_this_page_and_complete():
    stored = json.loads(measured.STORED.read_text(encoding="utf-8"))
    assert stored["made"]["code"] == fingerprint(conditional_digits.NOTEBOOK)
    assert stored["made"]["steps"] == conditional_digits.N_STEPS
    assert list(stored["runs"]) == list(measured.VARIANTS)
    assert {len(runs) for runs in stored["runs"].values()} == {len(conditional_digits.SEEDS)}


def test_the_page_says_of_the_table_what_is_in_it():
    stored = json.loads(measured.STORED.read_text(encoding="utf-8"))
    kept = [
        {name: np.array([one[name] for one in found]) for name in found[0]}
        for found in stored["runs"].values()
    ]
    right, blank, mixed, classes = kept
    floor = stored["floor"]
    assert right["accuracy"].min() > 0.7 and right["accuracy"].max() < floor["accuracy"]
    assert 0.065 < blank["accuracy"].min() and blank["accuracy"].max() < 0.2
    assert mixed["accuracy"].max() < 0.12
    assert all(abs(np.median(one["accuracy"]) - 0.1) < 0.01 for one in (blank, mixed))
    assert all(0.08 < v < 0.135 for one in kept for v in one["permuted"])
    assert (mixed["column"] > blank["column"]).all()
    assert right["column"].max() < blank["column"].min()
    assert 0.735 <= mixed["column"].min() and mixed["column"].max() < 0.8
    assert 0.385 <= blank["column"].min() and blank["column"].max() < 0.46
    distances = [one["Fréchet"] for one in (right, blank, mixed)]
    assert np.allclose(np.median(distances, axis=1), (0.36, 0.40, 0.44), atol=0.005)
    assert right["spread"].max() < 0.9 < blank["spread"].min() and blank["spread"].max() < 1.15
    assert right["recall"].max() < floor["recall"] / 2
    assert all(mixed[name].min() > right[name].max() for name in ("recall", "spread"))
    assert classes["recall"].max() < 0.0025 and right["recall"].min() > 0.3
    spans = [np.ptp(one["accuracy"]) for one in (right, classes)]
    assert spans[0] < spans[1] and classes["accuracy"].max() > right["accuracy"].min()
    assert 0.3 < np.median(classes["spread"]) / floor["spread"] < 0.37
    assert 4.8 < np.median(classes["Fréchet"]) / np.median(right["Fréchet"]) < 5.8
    assert np.median(classes["accuracy"]) < 0.75 < right["accuracy"].min()
    assert max(map(min, distances)) < min(map(max, distances))  # their ranges overlap


@pytest.mark.again
def test_other_seeds_obey_and_vary_as_the_stored_ones(page):
    judge = Judge()
    for variant in ("right notes", "shuffled notes", "AC-GAN"):
        run = conditional_digits.trained(page, variant, 11)
        scores = judge.measure(run.gan.G)
        assert scores["accuracy"] < 0.2 if variant == "shuffled notes" else scores["accuracy"] > 0.5
    with torch.no_grad():
        sets = run.gan.G(MANY, Y), judge.reference
        generated, unseen = (page["class_loss"](run.gan.D(x)[1], Y).item() for x in sets)
    assert 3 * generated < unseen  # G pleases D's class head
    run.steps(2000, every=2000, do=lambda run: None)
    assert judge.measure(run.gan.G)["spread"] > 1.2 * scores["spread"]  # it was not finished
