"""Lesson 15: latents, directions, measures of photos, transforms and the step against oracles; exercises and their hints."""

import json
import symtable

import numpy as np
import pytest
import torch
from hints import each_wrong
from torch.nn.functional import normalize, pad

from benchmarks.stored import fingerprint
from gan_edu.faces import load_faces, make_faces
from gan_edu.faces.dcgan import build_faces, step_faces
from gan_edu.lessons import l15_checks as checks
from gan_edu.lessons import l15_latent as latent
from gan_edu.lessons import l15_measures as measures
from gan_edu.metrics import frechet_distance
from gan_edu.run import Run
from notebooks import NOTEBOOKS, cells

HOMES = (home / "shared" / "data" / "faces_train.npy" for home in NOTEBOOKS.parents)
REAL = next((path for path in HOMES if path.exists()), None)


def test_the_arc_of_the_panel_is_the_slerp_of_the_page(lesson):
    a, b = torch.randn(2, 6, 100, dtype=torch.float64)
    for t in (0.0, 0.25, 1.0, torch.rand(6, 1)):
        there = latent.arc(a, b, torch.as_tensor(t))
        torch.testing.assert_close(there, lesson["slerp_solution"](a, b, t), rtol=1e-4, atol=1e-5)
    assert [latent.place(n) for n in (0, 15, 30, 45, 60)] == [0, 0.5, 1, 0.5, 0]


def test_faces_are_made_in_evaluation_mode_and_the_mode_is_kept():
    G = build_faces(make_faces(40, size=16)[0]).G.train()
    z = torch.randn(300, 100)
    x = latent.faces_of(G, z)
    assert G.training and not x.requires_grad
    torch.testing.assert_close(x[:3], latent.faces_of(G, z[:3]))


def test_photos_are_drawn_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = measures.draw_photos("my_photos", n=5)
    assert torch.equal(load_faces(folder, size=128), make_faces(5, seed=15, size=128)[0])
    (tmp_path / "my_photos" / "000.png").unlink()
    assert len(load_faces(measures.draw_photos(folder, n=5), size=128)) == 4  # an old folder stays


def test_measures_are_those_of_their_words():
    known = measures.Photos(make_faces(30, seed=3, size=32)[0])
    far, photo = known.nearest(known.x[[7, 2]].flip(3) + 0.01)  # the nearest may be mirrored
    assert (far < 1).all() and torch.equal(photo, known.x[[7, 2]].flip(3))
    a, b = next(known.halves())
    assert sorted([*a.tolist(), *b.tolist()]) == list(range(30))
    rows = torch.cat([known.x, known.x.flip(3)]).numpy().astype(float)
    small = rows.reshape(60, 3, 16, 2, 16, 2).mean((3, 5)).reshape(60, -1)
    for k in (0, 11):
        others = np.delete(small, (k, k + 30), 0)
        assert known.between[k] == pytest.approx(np.linalg.norm(others - small[k], axis=1).min(), rel=1e-4)  # fmt: skip
    axes = np.linalg.svd(small - small.mean(0))[2][:20]
    found = [(small[part] - small.mean(0)) @ axes.T for part in (a, b)]
    distance, share = known.floor()[0]
    assert distance == pytest.approx(frechet_distance(*found), rel=1e-3) and 0 <= share < 10
    assert known.measure(known.x)[0][1] == 100
    many = measures.Photos(make_faces(310, seed=4, size=16)[0])
    assert {len(part) for both in many.halves() for part in both} == {150}  # as the page makes


def test_a_verdict_needs_all_three_seeds_of_the_pages_code():
    def stored(*values):
        return [{"frechet": value} for value in values]

    for one, other, truth in (((1, 2, 3), (4, 5, 6), "a"), ((4, 5, 6), (1, 2, 3), "b"), ((1, 2, 5), (4, 6, 7), "c")):  # fmt: skip
        assert measures.verdict({"x": stored(*one), "y": stored(*other)}, "abc") == truth
    assert json.loads(measures.STORED.read_text())["code"] == fingerprint("15_latent_space")


def test_diffaugment_moves_cuts_and_lets_the_gradient_through(lesson):
    x = torch.rand(40, 3, 16, 16).add(0.1).requires_grad_()
    u = torch.rand(40, 2)
    there = lesson["translate"](x, u)
    for one, other, (i, j) in zip(x, there, (u * 5).long().tolist()):
        assert torch.equal(pad(one, [2] * 4)[:, i : i + 16, j : j + 16], other)
    assert (u * 5).long().unique().tolist() == [0, 1, 2, 3, 4]
    (slope,) = torch.autograd.grad(lesson["augment"](x).sum(), x)
    assert ((slope != 0).flatten(1).float().mean(1) > 0.3).all()
    assert lesson["augment"](x, on=False) is x
    flipped = (lesson["mirrored"](x) == x.flip(3)).flatten(1).all(1)
    assert 5 < flipped.sum() < 35 and torch.equal(lesson["mirrored"](x[~flipped]).sort(3)[0], x[~flipped].sort(3)[0])  # fmt: skip


def test_without_its_remedies_the_step_is_that_of_lesson_13(lesson, monkeypatch):
    images = make_faces(64, seed=1, size=16)[0]
    monkeypatch.setitem(lesson, "mirrored", lambda x: x)
    mine = Run(lambda: build_faces(images), lesson["step"], lesson["settings"], seed=3).steps(18)
    core = Run(lambda: build_faces(images), step_faces, dict(lr_d=1e-3, lr_g=1e-3, r1=1.0), seed=3).steps(18)  # fmt: skip
    for name in ("G", "D", "mean_G"):
        for p, q in zip(getattr(mine.gan, name).parameters(), getattr(core.gan, name).parameters()):
            torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-4)


def test_real_and_generated_faces_are_augmented_in_each_use_of_the_discriminator(lesson, monkeypatch):  # fmt: skip
    images, seen = make_faces(64, seed=1, size=16)[0], []
    monkeypatch.setitem(lesson, "augment", lambda x, on: seen.append((x.requires_grad, on)) or x)
    Run(lambda: build_faces(images), lesson["step"], lesson["settings"] | dict(diffaugment=True)).steps(2)  # fmt: skip
    assert seen == [(False, True)] * 3 + [(True, True)] + [(False, True)] * 2 + [(True, True)]


def test_no_other_cell_overwrites_what_the_step_needs():
    given = {True: {"torch", "F", "pictures", "fast", "Run", "descend"}, False: set()}
    for cell in cells("15"):
        names = symtable.symtable(cell.source, "cell", "exec").get_symbols()
        given["stored" in cell.metadata.get("tags", [])] |= {n.get_name() for n in names if n.is_assigned()}  # fmt: skip
    assert given[True] & given[False] == {"colour_solution", "cutout_solution"}  # the learner's


def test_right_transforms_of_the_learner_are_used(lesson, monkeypatch, capsys):
    for name in ("colour", "cutout"):
        monkeypatch.setitem(lesson, f"my_{name}", lambda *two, f=lesson[f"{name}_solution"]: f(*two))  # fmt: skip
    (cell,) = (cell for cell in cells("15", "exercise") if "check_cutout" in cell.source)
    names = dict(lesson)
    exec(cell.source, names)
    assert names["colour_solution"] is names["my_colour"] and names["cutout_solution"] is names["my_cutout"]  # fmt: skip
    assert lesson["colour_solution"] is not lesson["my_colour"]  # blanks are not used


@pytest.mark.skipif(REAL is None, reason="the real faces are no part of the project")
def test_real_faces_train_as_own_photos(lesson, monkeypatch):
    photos = load_faces(REAL)
    monkeypatch.setitem(lesson, "photos", photos)
    run = Run(lesson["build"], lesson["step"], lesson["settings"]).steps(3)
    x = latent.faces_of(run.gan.mean_G, torch.randn(320, 100))
    known = measures.Photos(photos)
    assert x.shape == photos.shape and known.measure(x)[0][0] > 5 * known.floor()[0][0]


@pytest.mark.again
@pytest.mark.parametrize("seed", [3, 4])
def test_what_the_lesson_says_of_300_photos_holds_for_other_seeds(lesson, monkeypatch, seed):
    monkeypatch.setitem(lesson, "photos", make_faces(300, seed=15)[0])
    run = Run(lesson["build"], lesson["step"], lesson["settings"], seed).steps(1000)
    known, x = measures.Photos(lesson["photos"]), latent.faces_of(run.gan.mean_G, torch.randn(750, 100))  # fmt: skip
    assert (known.nearest(x)[0] < known.limit).float().mean() < 0.05
    noise = known.measure(2 * torch.rand(x.shape) - 1)
    assert known.floor()[0][0] < known.measure(x)[0][0] < 0.5 * noise[0][0]


def test_solutions_are_right(lesson):
    for name in ("slerp", "direction", "colour", "cutout"):
        assert getattr(checks, f"check_{name}")(lesson[f"{name}_solution"]), name
    assert checks.check_inversion(lesson["find_solution"])


def arc(cos=lambda a, b: torch.cosine_similarity(a, b, dim=-1)[..., None], to_angle=torch.arccos, over=torch.sin):  # fmt: skip
    def slerp(a, b, t):
        angle = to_angle(cos(a, b))
        return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / over(angle)

    return slerp


test_each_wrong_slerp_gets_its_own_hint = each_wrong(checks.check_slerp,
    (arc(), "Right"), (lambda a, b, t: ..., "still a blank"), (lambda a, b, t: a + t * (b - a), "straight way."), (arc(over=lambda v: 1), "division by sin"),
    (lambda a, b, t: normalize(a + t * (b - a), dim=-1) * a.norm(dim=-1, keepdim=True), "its speed changes"), (lambda a, b, t: arc()(b, a, t), "from b to a"),
    (arc(to_angle=lambda cos: cos), "arccos is missing"), (arc(lambda a, b: (a * b).sum(-1, keepdim=True)), "divided by both lengths"),
    (lambda a, b, t: arc()(a, b, t).sum(-1), "have shape"), (lambda a, b, t: arc()(a, b, t) + 1, "should be"),
)  # fmt: skip


def mean(z, has, dim=0):
    return z[has].mean(dim)


def pointing(length=lambda d: d.norm(), less=lambda z, has: mean(z, ~has)):
    return lambda z, has: (mean(z, has) - less(z, has)) / length(mean(z, has) - less(z, has))


test_each_wrong_direction_gets_its_own_hint = each_wrong(checks.check_direction,
    (pointing(), "Right"), (lambda z, has: ..., "still a blank"), (lambda z, has: -pointing()(z, has), "faces without"), (pointing(length=lambda d: 1), "length is not 1"),
    (pointing(less=lambda z, has: 0), "with the attribute only"), (pointing(less=lambda z, has: z.mean(0)), "Right"), (pointing(length=lambda d: d.sum()), "not by the sum"),
    (lambda z, has: normalize(z[has].sum(0) - z[~has].sum(0), dim=0), "sums instead"), (lambda z, has: mean(z, has, 1), "have shape"),
)  # fmt: skip


def coloured(b=lambda x, u: x + u - 0.5, s=lambda x, u: x + (2 * u - 1) * (x - x.mean(1, keepdim=True)), c=lambda x, u: x + (u - 0.5) * (x - x.mean((1, 2, 3), keepdim=True))):  # fmt: skip
    def colour(x, u):
        for part, v in zip((b, s, c), u.T[..., None, None, None]):
            x = part(x, v)
        return x

    return colour


def about(axes, factor):
    return lambda x, u: x.mean(axes, keepdim=True) + factor(u) * (x - x.mean(axes, keepdim=True))


test_each_wrong_colour_gets_its_own_hint = each_wrong(checks.check_colour,
    (coloured(), "Right"), (lambda x, u: ..., "still a blank"), (coloured(b=lambda x, u: x + u), "darker as often"), (coloured(s=about((1,), lambda u: u)), "2 u₂"),
    (coloured(c=about((1, 2, 3), lambda u: u)), "u₃ + ½"), (coloured(c=about((0, 1, 2, 3), lambda u: u + 0.5)), "mixes the pictures"), (coloured(s=about((2, 3), lambda u: 2 * u)), "three colours"),
    (coloured(c=about((2, 3), lambda u: u + 0.5)), "one number a picture"), (coloured(b=lambda x, u: x), "brightness is missing"), (coloured(s=lambda x, u: x), "saturation is missing"), (coloured(c=lambda x, u: x), "contrast is missing"),
    (lambda x, u: coloured()(x.detach(), u), "their gradient is not"), (coloured(b=lambda x, u: x - u), "should be"),
)  # fmt: skip


def cut(half=4, joined=np.logical_and, fill=0.0, keep=False, swap=False):
    def cutout(x, u):
        mask = torch.zeros(len(x), 1, *x.shape[2:], dtype=torch.bool)
        for n, (top, left) in enumerate(u.flip(1).tolist() if swap else u.tolist()):
            far = [abs(np.arange(x.shape[-1]) + 0.5 - x.shape[-1] * v) < x.shape[-1] / half for v in (top, left)]  # fmt: skip
            mask[n, 0] = torch.from_numpy(joined.outer(*far))
        return torch.where(mask if keep else ~mask, x, fill)

    return cutout


test_each_wrong_cutout_gets_its_own_hint = each_wrong(checks.check_cutout,
    (cut(), "Right"), (lambda x, u: ..., "still a blank"), (cut(keep=True), "cut off the rest"), (cut(joined=np.logical_or), "whole stripe"), (cut(half=2), "too large"), (cut(half=8), "too small"),
    (cut(fill=-1.0), "−1 is black"), (cut(swap=True), "exchanged"), (lambda x, u: cut()(x.detach(), u), "their gradient is not"), (lambda x, u: cut()(x, u)[:, :1], "have shape"),
)  # fmt: skip


def found(sign=1, steps=None, given=lambda G, z: [z], share=1.0):
    def find(G, x, z, n_steps):
        z = z.clone().requires_grad_()
        opt = torch.optim.Adam(given(G, z), lr=0.05 * share)
        for _ in range(n_steps if steps is None else steps):
            opt.zero_grad()
            (sign * (G(z) - x).square().mean()).backward()
            opt.step()
        return z.detach()

    return find


test_each_wrong_search_gets_its_own_hint = each_wrong(checks.check_inversion,
    (found(), "Right"), (lambda G, x, z, n: ..., "still a blank"), (found(steps=0), "have not moved"), (found(sign=-1), "goes downhill"), (found(share=0.01), "nearer, but"),
    (found(given=lambda G, z: [z, *G.parameters()]), "weights have moved"), (lambda G, x, z, n: z[0], "shape of z"),
)  # fmt: skip
