"""Lesson 14: its exercises, its views, the stored film and recipes, and the script that makes them."""

import itertools
import json
import re

import numpy as np
import pytest
import torch
from hints import each_wrong
from matplotlib.figure import Figure
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from torch import nn

from benchmarks import face_recipes
from gan_edu.faces.dcgan import averaged
from gan_edu.lessons import l14_checks as checks
from gan_edu.lessons import l14_judging as room
from gan_edu.lessons import l14_recipes as recipes
from gan_edu.players import Players
from gan_edu.run import Run


def test_solutions_are_right(lesson):
    for name in ("frechet", "precision", "copies", "average", "r1", "limit"):
        check = getattr(checks, f"check_{name}".replace("r1", "r1_pictures"))
        assert check(lesson[f"{name}_solution"]), name


def distance(root=lambda a, b: sqrtm(a @ b).real, twice=2, shift=np.square, trace=np.trace):
    def frechet(x, y):
        a, b = np.cov(x.T), np.cov(y.T)
        return shift(x.mean(0) - y.mean(0)).sum() + trace(a + b - twice * root(a, b))

    return frechet


test_each_wrong_frechet_gets_its_own_hint = each_wrong(checks.check_frechet,
    (distance(), "Right"), (lambda x, y: ..., "still a blank"), (distance(lambda a, b: (a @ b) ** 0.5), "root of each entry"), (distance(lambda a, b: (sqrtm(a) @ sqrtm(b)).real), "multiply the two roots"),
    (distance(lambda a, b: sqrtm(a * b).real), "entry by entry"), (distance(twice=1), "factor 2"), (distance(shift=lambda d: d * 0), "part of the means is missing"),
    (distance(shift=lambda d: np.linalg.norm(d)), "not squared"), (distance(shift=lambda d: d**2 / len(d)), "mean of the squared differences"), (distance(trace=np.sum), "diagonal only"),
    (lambda x, y: np.square(x.mean(0) - y.mean(0)).sum() + np.square(x.std(0, ddof=1) - y.std(0, ddof=1)).sum(), "only the variances"), (lambda x, y: distance()(x, y) ** 0.5, "the square of the distance"),
    (distance(lambda a, b: 0 * a), "it should be"),
)  # fmt: skip


def share(last=lambda hit: hit.any(1).mean(), at=0, radius=None):
    def precision(real, fake, k=3):
        far = np.sort(cdist(real, real), axis=1)
        return last(cdist(fake, real) <= (radius(far, k) if radius else far[:, k + at]))

    return precision


test_each_wrong_precision_gets_its_own_hint = each_wrong(checks.check_precision,
    (share(), "Right"), (lambda real, fake, k: ..., "still a blank"), (share(at=-1), "counts the point itself"), (lambda real, fake, k: share()(fake, real, k), "that is the recall"),
    (share(np.mean), "share of pairs"), (share(lambda hit: hit.all(1).mean()), "one is enough"), (share(lambda hit: hit.any(0).mean()), "share of balls"),
    (share(radius=lambda far, k: far[:, k].mean()), "one size"), (share(radius=lambda far, k: far[:, ::-1][:, k]), "farthest neighbours"), (share(lambda hit: 1 - hit.any(1).mean()), "share outside"),
    (share(at=1), "it should be"),
)  # fmt: skip


def near(x, train):
    return torch.cdist(x, train).min(1)[0]


test_each_wrong_share_of_copies_gets_its_own_hint = each_wrong(checks.check_copies,
    (lambda x, t, f: (near(x, t) < near(f, t).quantile(0.01)).double().mean(), "Right"), (lambda x, t, f: ..., "still a blank"), (lambda x, t, f: (near(x, t) < near(x, t).quantile(0.01)).double().mean(), "from x itself"),
    (lambda x, t, f: (near(x, t) < near(f, t).quantile(0.99)).double().mean(), "not 0.99"),
    (lambda x, t, f: (near(x, t) < near(f, t).median()).double().mean(), "median of the fresh"), (lambda x, t, f: (near(x, t) > near(f, t).quantile(0.01)).double().mean(), "share above"),
    (lambda x, t, f: (torch.cdist(x, t).mean(1) < torch.cdist(f, t).mean(1).quantile(0.01)).double().mean(), "mean distance"),
    (lambda x, t, f: (near(t, x) < near(t, f).quantile(0.01)).double().mean(), "each column"), (lambda x, t, f: torch.tensor(2.0), "it should be"),
)  # fmt: skip


def penalty(last=lambda g: g.square().sum((1, 2, 3)).mean() / 2, total=torch.sum, graph=True):
    def r1(D, x):
        x = x.detach().requires_grad_()
        return last(torch.autograd.grad(total(D(x)), x, create_graph=graph)[0])

    return r1


test_each_wrong_r1_of_pictures_gets_its_own_hint = each_wrong(checks.check_r1_pictures,
    (penalty(), "Right"), (lambda D, x: ..., "still a blank"), (penalty(lambda g: g.square().sum((1, 2, 3)).mean()), "1/2 is missing"), (penalty(lambda g: g.square().mean() / 2), "mean over the pixels"),
    (penalty(lambda g: g.square().sum() / 2), "add up the pictures"), (penalty(lambda g: g.flatten(1).norm(dim=1).mean() / 2), "that is the length"), (penalty(total=torch.mean), "n times too small"),
    (penalty(lambda g: g.sum((1, 2, 3)).square().mean() / 2), "before you square"), (penalty(lambda g: (g.flatten(1).norm(dim=1) - 1).square().mean()), "WGAN-GP"), (penalty(graph=False), "gradient is not"),
    (penalty(lambda g: 3 * g.square().mean()), "it should be"),
)  # fmt: skip


test_each_wrong_limit_gets_its_own_hint = each_wrong(checks.check_limit,
    (lambda n, F: np.polyfit(1 / n, F, 1)[1], "Right"), (lambda n, F: ..., "still a blank"), (lambda n, F: np.polyfit(1 / n, F, 1)[0], "slope of the line"), (lambda n, F: np.polyfit(n, F, 1)[1], "falls with 1/n"),
    (lambda n, F: F.mean(), "mean of the measured"), (lambda n, F: F[-1], "largest n"), (lambda n, F: 0.0, "goes through 0"), (lambda n, F: F[0], "it should be"),
)  # fmt: skip


def mean_of(s=lambda n: n / (n + 9), new=lambda s: 1 - s, first=2):
    def average(w):
        mean = w[0]
        for n, w_n in enumerate(w[1:], start=first):
            mean = s(n) * mean + new(s(n)) * w_n
        return mean

    return average


test_each_wrong_average_gets_its_own_hint = each_wrong(checks.check_average,
    (mean_of(), "Right"), (lambda w: ..., "still a blank"), (mean_of(lambda n: 9 / (n + 9)), "turned round"), (mean_of(new=lambda s: 1), "lacks its factor"), (lambda w: mean_of(lambda n: len(w) / (len(w) + 9))(w), "all the time"),
    (np.mean, "plain mean"), (mean_of(first=1), "one too small"), (mean_of(lambda n: 0.9), "it should be"),
)  # fmt: skip


def test_the_page_averages_as_the_recipes_do(lesson):
    net, w = nn.Linear(1, 1), np.random.default_rng(0).normal(size=30)
    mean = averaged(net)
    for w_n in w:
        net.weight.data.fill_(w_n)
        mean.update_parameters(net)
    assert mean.module.weight.item() == pytest.approx(lesson["average_solution"](w), rel=1e-5)


def test_the_film_plays_what_is_stored_and_begins_again():
    film = room.Film()
    run = Run(film.build, film.step).steps(2)
    film.view(fig := Figure(), run.gan, run.log)
    assert f"after {film.steps[2]} steps" in fig.axes[1].get_title() and str(film.steps[2]) in fig.words  # fmt: skip
    assert list(film.steps) == face_recipes.FRAMES and film.x.shape == (len(film.steps), 24, 3, 64, 64)  # fmt: skip
    assert film.x[0].float().std() < 5 < film.x[-1].float().std()  # grey at first
    log = type("Log", (dict,), {"n": len(film.steps) + 2})()
    film.view(again := Figure(), run.gan, log)
    assert again.words == fig.words
    assert len({page.shape for page in film.pages}) == 1 and film.last.shape == (64, 3, 64, 64)


@pytest.mark.parametrize("k", [1, 3])
def test_balls_by_hand(k, lesson):
    real, noise = room.plane()
    fake = 0.3 + 0.8 * noise
    hit, radii = room.inside(fake, real, k)
    share = lesson["precision_solution"]
    assert hit.mean() == share(real, fake, k)
    assert room.inside(real, fake, k)[0].mean() == share(fake, real, k)
    far = sorted(np.linalg.norm(real[7] - other) for other in np.delete(real, 7, 0))
    assert radii[7] == pytest.approx(far[k - 1])


def test_tables_say_median_and_range_and_no_distance_below_zero():
    found = recipes.quality_table({"some": [(1.0, 0.5, 0.25), (3.0, 0.75, 0.125), (2.0, 0.625, 0.5)]})  # fmt: skip
    cells_of = found.data.split("<td>")[1:]
    assert [one.split("<")[0] for one in cells_of] == ["some", "2.0 (1.0 to 3.0)", "0.625 (0.500 to 0.750)", "0.25 (0.12 to 0.50)"]  # fmt: skip
    shares, new, own = {"a": 1.0, "b": 0.5}, {"a": (1, 0.5, 0.75), "b": (2, 0, 1)}, {"a": (-1e-9, 1, 1), "b": (3, 0.25, 0.5)}  # fmt: skip
    rows = recipes.copies_table(shares, new, own).data.split("<tr><td>")[1:]
    assert re.findall(r"[ab\d., %]+(?=</td>)", rows[0]) == ["a", "100%", "1.0, 0.50, 0.75", "0.0, 1.00, 1.00"]  # fmt: skip
    assert re.findall(r"[ab\d., %]+(?=</td>)", rows[1]) == ["b", "50%", "2.0, 0.00, 1.00", "3.0, 0.25, 0.50"]  # fmt: skip


def test_what_is_stored_is_of_these_recipes():
    stored = json.loads(recipes.STORED.read_text(encoding="utf-8"))
    whole = dict(base=recipes.BASE | {"betas": [0.5, 0.99]}, steps=face_recipes.N_STEPS, images=face_recipes.N_IMAGES, judged=face_recipes.N_JUDGED)  # fmt: skip
    assert stored["settings"] == whole and stored["made"]["seeds"] == [0, 1, 2]
    for name, runs in recipes.load_recipes()["runs"].items():
        assert stored["changes"][name] == json.loads(json.dumps(recipes.RECIPES[name]))
        assert [run["seed"] for run in runs] == [0, 1, 2]
    assert 0.3 < stored["floor"]["frechet"] < 0.8


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_no_layer_without_a_following_norm_lacks_a_bias(name):
    recipe = recipes.BASE | recipes.RECIPES[name]
    run = face_recipes.new_run(recipe, torch.zeros(32, 3, 64, 64, dtype=torch.uint8), seed=0)
    for net in (run.gan.G, run.gan.D):
        for layer, after in itertools.pairwise([*net, nn.Identity()]):
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                assert (layer.bias is None) is isinstance(after, nn.BatchNorm2d)
                spectral = recipe["norm"] == "spectral" and net is run.gan.D
                assert hasattr(layer, "parametrizations") is spectral
    assert recipe["norm"] == "batch" or not any(isinstance(m, nn.BatchNorm2d) for m in run.gan.D)
    learns = [p for group in run.gan.opt_D.param_groups for p in group["params"]]
    assert {*map(id, learns)} == {*map(id, run.gan.D.parameters())}
    assert run.gan.opt_D.param_groups[0]["betas"] == recipe["betas"] and run.knobs.r1 == recipe["r1"]  # fmt: skip


def test_the_script_goes_on_where_it_ended_and_makes_changed_recipes_anew(tmp_path, monkeypatch):
    made, floor = [], Players(frechet=0.5, off=0.01)
    monkeypatch.setattr(face_recipes, "STORED", tmp_path / "recipes.json")
    monkeypatch.setattr(face_recipes, "make_faces", lambda n, seed: (None, None))
    monkeypatch.setattr(face_recipes, "real_floor", lambda n: floor)

    def trained(name, images, seed):
        if len(made) == 5:
            raise KeyboardInterrupt
        made.append((name, seed))
        return {"seed": seed, "seconds": 30}, None

    monkeypatch.setattr(face_recipes, "trained", trained)
    with pytest.raises(KeyboardInterrupt):
        face_recipes.main()
    assert [p.name for p in tmp_path.iterdir()] == ["recipes.json"]
    everything = [(name, seed) for name in recipes.RECIPES for seed in (0, 1, 2)]
    assert made == everything[:5]
    made.clear()
    monkeypatch.setitem(recipes.RECIPES, "base", dict(r1=0.5))
    monkeypatch.setattr(face_recipes, "trained", lambda name, images, seed: (made.append((name, seed)) or {"seed": seed, "seconds": 30}, None))  # fmt: skip
    face_recipes.main()
    assert made == everything[:3] + everything[5:]
    stored = json.loads(face_recipes.STORED.read_text(encoding="utf-8"))
    assert stored["made"]["minutes"] == 10  # 21 runs of half a minute


@pytest.mark.again
def test_the_first_losses_are_those_stored():
    images, _ = room.make_faces(face_recipes.N_IMAGES, seed=0)
    with face_recipes.fast("cpu"):
        precision = "bfloat16" if torch.is_autocast_enabled("cpu") else "float32"
    stored = recipes.load_recipes()
    if stored["made"]["precision"] != precision:
        pytest.skip("stored on a processor with another precision")
    run = face_recipes.new_run(recipes.BASE, images, seed=0).steps(2)
    assert run.log["Loss_D"] == pytest.approx(stored["runs"]["base"][0]["first"][:2], abs=0.05)
