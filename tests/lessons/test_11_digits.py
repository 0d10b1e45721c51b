"""Lesson 11: its networks and step, its exercises, its judge, its film and what is stored."""

import json
import os
import re
import struct

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn
from torch.nn.utils import parameters_to_vector

from benchmarks import digits, digits_critics
from benchmarks.stored import fingerprint
from gan_edu.datasets import load_mnist
from gan_edu.lessons import l11_checks as checks
from gan_edu.lessons import l11_digits as room
from gan_edu.lessons import l11_judge, l11_measured, l11_source
from gan_edu.metrics import frechet_distance
from gan_edu.run import Run
from notebooks import cells, definitions


@pytest.fixture(scope="module")
def lesson():
    return definitions("11")


@pytest.fixture(scope="module")
def judge(lesson):
    return lesson["judge"] if "judge" in lesson else l11_judge.Judge(*load_mnist())


# ---- networks, step and what is stored


def test_the_step_on_the_page_is_the_stored_and_the_cores(lesson):
    runs = [Run(lesson["build"], step, lesson["settings"], seed=2).steps(1) for step in (lesson["step"], lesson["step_solution"], checks.stepping())]  # fmt: skip
    mine, stored, core = (parameters_to_vector([*run.gan.G.parameters(), *run.gan.D.parameters()]) for run in runs)  # fmt: skip
    assert torch.equal(mine, stored) and torch.equal(mine, core)
    assert lesson["settings"] == dict(lambda_gp=10, lr=1e-3)


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


def test_the_source_is_the_keras_program():
    G, D = l11_source.source_generator(), l11_source.source_critic()
    assert G(torch.zeros(2, 100)).shape == (2, 1, 28, 28) and D(torch.zeros(2, 1, 28, 28)).shape == (2, 1)  # fmt: skip
    trained = [sum(p.numel() for p in net.parameters()) for net in (G, D)]
    assert trained == [1_028_289, 99_649]
    assert [layer.momentum for layer in D if isinstance(layer, nn.BatchNorm2d)] == [0.2] * 3


def test_the_three_critics(lesson):
    kinds = {name: [type(layer).__name__ for layer in l11_source.critic_with(lesson["critic_solution"](), name)] for name in l11_source.CRITICS}  # fmt: skip
    plain, normed, dropped = kinds.values()
    assert normed.count("BatchNorm2d") == 3 and dropped.count("Dropout") == 4
    assert [k for k in normed if k != "BatchNorm2d"] == plain == [k for k in dropped if k != "Dropout"]  # fmt: skip
    assert normed[:3] == plain[:3] and dropped[:3] == ["Conv2d", "LeakyReLU", "Dropout"]
    before = dict(lesson)
    run = digits_critics.trained(lesson, l11_source.CRITICS[1], seed=0, n_steps=1)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in run.gan.D) and lesson == before


def test_the_stored_critics_are_of_this_page():
    stored = json.loads(l11_source.STORED.read_text(encoding="utf-8"))
    assert stored["made"]["code"] == fingerprint(digits_critics.NOTEBOOK)
    assert list(stored["runs"]) == list(l11_source.CRITICS) and stored["made"]["steps"] == 400
    assert [len(runs) for runs in stored["runs"].values()] == [3, 3, 3]
    assert (
        l11_source.verdict(l11_source.load_critics(), "?") == l11_source.CRITICS[0]
    )  # the text says it


@pytest.mark.parametrize("ends, best", [(([1, 2], [3, 4]), "a"), (([1, 3], [2, 4]), "?"), (([5, 6], [3, 4]), "b")])  # fmt: skip
def test_overlapping_ranges_have_no_winner(ends, best):
    critics = dict(zip("ab", ([{"Fréchet": v} for v in one] for one in ends)))
    assert l11_source.verdict(critics, "?") == best


# ---- film, files, tables


def test_the_film_plays_what_is_stored():
    film = room.Film("course")
    run = Run(film.build, film.step).steps(3)
    fig = Figure()
    film.view(fig, run.gan, run.log)
    assert f"after {film.steps[3]:,} steps" in fig.axes[0].get_title() and str(film.steps[3]) in fig.words  # fmt: skip
    shown = fig.axes[0].images[0].get_array()
    assert np.array_equal(shown, room.paint(room.tile(film.x[3]), room.FAKE))
    film.view(again := Figure(), run.gan, run.steps(len(film.steps)).log)  # it begins again
    assert again.words == fig.words


def test_tiles_stand_line_by_line():
    x = torch.arange(6.0)[:, None, None, None].expand(6, 1, 28, 28) / 6
    page = room.tile(x, 3)
    assert page.shape == (58, 88) and np.isnan(page[28]).all() and np.isnan(page[:, 28]).all()
    assert [page[30 * r, 30 * c] for r in (0, 1) for c in (0, 1, 2)] == pytest.approx(np.arange(6) / 6)  # fmt: skip


def test_grids_are_saved_whole(lesson, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gan = lesson["build"]()
    room.save_digits("my_digits_0000.png", gan)
    assert os.listdir() == ["my_digits_0000.png"] and open("my_digits_0000.png", "rb").read(4) == b"\x89PNG"  # fmt: skip
    assert gan.G.training


def test_layers_have_their_shapes_and_counts(lesson):
    both = {"G": lesson["generator_solution"](), "D": lesson["critic_solution"]()}
    words = room.layers(both, [(100,), (1, 28, 28)]).data
    rows = [re.findall("<td>(.*?)</td>", line) for line in words.split("<tr>")[2:]]
    assert rows[0] == ["<b>G</b>", "n × 100", "<b>172,481</b>", "<b>D</b>", "n × 1 × 28 × 28", "<b>99,201</b>"]  # fmt: skip
    assert rows[4][:3] == ["Conv2d", "n × 32 × 14 × 14", "9,248"] and rows[9][0] == "Conv2d, Tanh"
    assert rows[6][3:] == ["Linear", "n × 1", "2,049"] and rows[7][3:] == ["", "", ""]


# ---- the judge


def test_the_judge_reads_digits_that_it_has_not_seen(judge):
    assert 0.96 < judge.accuracy < 0.99
    assert judge.images[-2000:].equal(torch.cat([judge.others, judge.reference]))


def test_the_measures_on_known_cases(judge):
    real = judge.measure(judge.others, own=True)
    assert real["top probability"] > 0.96 and real["unevenness"] < 0.08
    pixels, rows = judge.images.flatten(1), judge.others[:20].flatten(1)
    apart = (rows[:, None] - pixels[None, :3000]).square().sum(2).sqrt()  # none of them is itself
    near, _ = l11_judge.nearest(judge.others[:20], judge.images[:3000])
    assert torch.allclose(near, apart.min(1).values, atol=1e-2)
    own, which = l11_judge.nearest(judge.images[:50], judge.images, own=True)
    assert own.min() > 1 and not (which == torch.arange(50)).any()
    with torch.no_grad():
        features = judge.features(judge.others)
    assert real["Fréchet"] == pytest.approx(frechet_distance(features, judge.known))
    assert judge.measure(judge.reference)["Fréchet"] == pytest.approx(0, abs=1e-6)
    copies = l11_measured.cheats(judge)["1,000 copies of one digit"]
    assert copies["unevenness"] == pytest.approx(0.9) and copies["nearest"] < 0.1
    assert copies["top probability"] > 0.9 and copies["Fréchet"] > 10 * real["Fréchet"]


def test_the_floor_is_of_halves_that_have_no_digit_in_common(judge):
    floor = judge.floor()
    assert len(floor) == 5 and len({one["Fréchet"] for one in floor}) == 5
    assert all(3 < one["Fréchet"] < 25 and one["nearest"] > 5 for one in floor)


def test_the_line_of_the_film_is_three_quarters_of_the_way(judge):
    means, real, line, draw = judge.read(room.Film("course"))
    draw(fig := Figure())
    assert (line - means[0]) / (real - means[0]) == pytest.approx(0.75)
    assert list(fig.axes[0].lines[1].get_xdata()[:2]) == [0, 1]  # step 0 is drawn


@pytest.mark.again
def test_what_the_lesson_says_of_the_measures_holds_for_other_draws(judge, lesson):
    random = torch.Generator().manual_seed(7)
    noise = torch.randint(0, 2, (1000, 1, 28, 28), generator=random) * 2.0 - 1
    moved = judge.images[1:3000:3].roll(1, 2)
    floor = judge.measure(judge.reference, own=True, known=judge.known)["nearest"]
    assert judge.measure(noise)["top probability"] > 0.6
    assert abs(judge.measure(moved)["nearest"] / floor - 1) < 0.15
    G = lesson["build_stored"]().G
    some = [judge.measure(room.digits_of(G, torch.randn(1000, 100, generator=random)))["Fréchet"] for _ in range(5)]  # fmt: skip
    assert 4 < min(some) and max(some) > 1.2 * min(some) and max(some) < 30


# ---- exercises


def test_stubs_are_not_answers_and_solutions_are(lesson, capsys):
    namespace = dict(lesson)
    for cell in cells("11", "exercise"):
        if "from gan_edu" not in cell.source:
            exec(cell.source, namespace)
    asked = {"scaling": "scale", "digit_generator": "my_generator", "digit_critic": "my_critic", "digit_step": "my_step", "nearest_digit": "nearest", "idx_file": "write_idx"}  # fmt: skip
    for check, name in asked.items():
        assert not getattr(checks, f"check_{check}")(namespace[name])
        assert "still a blank" in capsys.readouterr().out, check
    assert not checks.check_slips(namespace["slips"])
    asked |= {"digit_generator": "generator_solution", "digit_critic": "critic_solution", "digit_step": "step_solution", "slips": "slips"}  # fmt: skip
    assert all(getattr(checks, f"check_{check}")(lesson[name]) for check, name in asked.items())


@pytest.mark.parametrize("answer, hint", [
    (lambda v: (v / 127.5 - 1, v / 255), "Right"), (lambda v: ((v - 127.5) / 127.5, v / 255), "Right"), (lambda v: (..., ...), "still a blank"),
    (lambda v: (v / 255, v / 255), "middle of tanh"), (lambda v: (v / 127.5, v), "from 0 to 2. Now"), (lambda v: (v / 255 - 0.5, v), "−0.5 to 0.5"),
    (lambda v: (v / 127.5 - 2, v), "from −2 to 0"), (lambda v: (1 - v / 127.5, v), "upside down"), (lambda v: (v / 127.5 - 1, v / 127.5), "divide by 2"),
    (lambda v: (v / 127.5 - 1, v / 255 + 0.5), "becomes 0.5"), (lambda v: (v / 127.5 - 1, v / 255 - 0.5), "becomes −0.5"), (lambda v: (v / 127.5 - 1, v), "goes up to 255"),
])  # fmt: skip
def test_each_wrong_scale_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_scaling(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def generator(hidden=32, second=lambda: nn.Conv2d(32, 16, 3, padding=1), last=nn.Tanh, norm=nn.BatchNorm2d, act=nn.ReLU):  # fmt: skip
    return lambda: nn.Sequential(
        nn.Linear(100, 49 * hidden), act(), nn.Unflatten(1, (hidden, 7, 7)),
        nn.Upsample(scale_factor=2), nn.Conv2d(hidden, 32, 3, padding=1), norm(32), act(),
        nn.Upsample(scale_factor=2), second(), norm(16), act(), nn.Conv2d(16, 1, 3, padding=1), last(),
    )  # fmt: skip


@pytest.mark.parametrize("answer, hint", [
    (generator(), "Right"), (lambda: ..., "still a blank"), (generator(last=nn.Sigmoid), "a sigmoid gives"), (generator(last=nn.Identity), "between −1 and 1"),
    (generator(norm=lambda n: nn.Identity()), "batch normalisation belongs"), (generator(act=nn.Identity), "a ReLU is missing"), (generator(hidden=64), "weights of layer 1"),
    (generator(second=lambda: nn.Conv2d(32, 16, 3)), "(4, 1, 26, 26)"), (generator(second=lambda: nn.Conv2d(32, 16, 5, padding=2)), "weights of layer 4"),
    (generator(second=lambda: nn.ConvTranspose2d(32, 16, 3, padding=1)), "grows by Upsample"), (lambda: nn.Sequential(nn.Identity(), *generator()()), "order of the comments"),
])  # fmt: skip
def test_each_wrong_generator_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_digit_generator(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def critic(
    last=(), norm=None, act=lambda: nn.LeakyReLU(0.2), strides=(2, 2, 2, 1), third=64, pool=()
):
    def build():
        sizes, found = [(1, 16), (16, 32), (32, third), (third, 128)], []
        for (a, b), stride in zip(sizes, strides):
            found += [nn.Conv2d(a, b, 3, stride=stride, padding=1), *([norm(b)] if norm else []), act()]  # fmt: skip
        return nn.Sequential(*found, *pool, nn.Flatten(), nn.LazyLinear(1), *last)

    return build


@pytest.mark.parametrize("answer, hint", [
    (critic(), "Right"), (lambda: ..., "still a blank"), (critic(norm=nn.BatchNorm2d), "slope at each picture"), (critic([nn.Sigmoid()]), "no sigmoid"),
    (critic(pool=[nn.AvgPool2d(2)]), "without pooling"), (critic(act=nn.Identity), "followed by a LeakyReLU"), (critic(strides=(2, 2, 1, 1)), "weights of layer 5"), (critic(third=48), "weights of layer 3"),
    (critic(last=[nn.Linear(1, 2)]), "it becomes (4, 2)"),
])  # fmt: skip
def test_each_wrong_critic_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_digit_critic(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def learner(**how):
    return checks.stepping(**how)


@pytest.mark.parametrize("step, hint", [
    (learner(), "Right"), (learner(loss_D=lambda g, w, p: -g + w * p), "Right"), (learner(loss_D=lambda g, w, p: ...), "still a blank"), (learner(n_critic=1), "its turn once"),
    (learner(loss_D=lambda g, w, p: g + w * p), "minus the gap."), (learner(loss_D=lambda g, w, p: -g - w * p), "paid for its penalty"), (learner(loss_D=lambda g, w, p: p - g), "factor λ"),
    (learner(loss_D=lambda g, w, p: -g), "penalty is not in"), (learner(loss_D=lambda g, w, p: w * p), "gap is not in"), (learner(sign=-1), "real minus generated"),
    (learner(sign=-1, loss_D=lambda g, w, p: g + w * p), "shows minus the gap"), (learner(loss_G=lambda s: s.mean()), "high ones"), (learner(reuse=True), "new latents"), (learner(n_critic=4), "should be"),
])  # fmt: skip
def test_each_wrong_digit_step_gets_its_own_hint(step, hint, capsys):
    assert checks.check_digit_step(step) is (hint == "Right")
    said = capsys.readouterr().out
    assert hint in said and said.count("\n") == 1


def far(x, images, p=2.0):
    return torch.cdist(x.flatten(1), images.flatten(1), p=p)


@pytest.mark.parametrize("answer, hint", [
    (lambda x, y: tuple(far(x, y).min(1)), "Right"), (lambda x, y: (..., ...), "still a blank"), (lambda x, y: tuple(far(x, y).max(1)), "farthest"),
    (lambda x, y: (far(x, y).min(1)[0] ** 2, far(x, y).argmin(1)), "these are squares"), (lambda x, y: (far(x, y).min(1)[0] / 784, far(x, y).argmin(1)), "number of pixels"),
    (lambda x, y: tuple(far(x, y, 1.0).min(1)), "absolute differences"), (lambda x, y: tuple(far(x, y).min(1))[::-1], "distance first"), (lambda x, y: tuple(far(x, y).min(0)), "must have shape"),
    (lambda x, y: (far(x, y).min(1)[0] + 1, far(x, y).argmin(1)), "should be"),
])  # fmt: skip
def test_each_wrong_neighbour_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_nearest_digit(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


@pytest.mark.parametrize("answer, hint", [
    ("abcfg", "Right"), ({"g", "f", "c", "b", "a"}, "Right"), ("A, B, C, F, G", "Right"), (..., "write the letters"), ("abdfg", "line d is right"), ("e", "line e is right"), ("h", "a critic has no sigmoid"),
    ("ij", "minus the gap"), ("j", "0…1"), ("abcf", "4 of 5. Look at line g"), ("bcfg", "What does the WGAN"), ("acfg", "batch_size"), ("abfg", "lesson 8 quotes"), ("abcg", "root at 0"), ("z", "no line z"),
])  # fmt: skip
def test_each_wrong_set_of_slips_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_slips(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out


def written(head=lambda a: bytes([0, 0, 8, a.ndim]), sizes=lambda a: struct.pack(f">{a.ndim}I", *a.shape), body=lambda a: a.tobytes()):  # fmt: skip
    return lambda path, a: path.write_bytes(head(a) + sizes(a) + body(a))


@pytest.mark.parametrize("answer, hint", [
    (written(), "Right"), (lambda path, a: ..., "still a blank"), (lambda path, a: None, "no file was written"), (written(lambda a: bytes([0, 0, 8, 3])), "an array of 1 axes"),
    (written(lambda a: bytes([0, 0, 1, a.ndim])), "should begin with"), (written(sizes=lambda a: struct.pack(f"<{a.ndim}I", *a.shape)), "wrong way round"),
    (written(sizes=lambda a: b""), "sizes (3, 4, 5) should follow"), (written(body=lambda a: a.astype(float).tobytes()), "60 bytes should follow"), (written(body=lambda a: a.T.tobytes()), "another order"),
])  # fmt: skip
def test_each_wrong_file_gets_its_own_hint(answer, hint, capsys):
    assert checks.check_idx_file(answer) is (hint == "Right")
    assert hint in capsys.readouterr().out
