"""Lesson 12: its data set, its blocks, its exercises, its views and what is stored."""

import itertools
import json
import pathlib

import numpy as np
import pytest
import torch
from hints import each_wrong
from matplotlib.figure import Figure
from PIL import Image
from torch import nn
from torch.nn.functional import conv_transpose1d
from torch.nn.utils import parameters_to_vector
from torch.utils.data import Dataset

from benchmarks import pictures_perceptron
from benchmarks.stored import fingerprint
from gan_edu import networks
from gan_edu.lessons import l12_checks as checks
from gan_edu.lessons import l12_files, l12_networks, l12_perceptron
from gan_edu.lessons import l12_pictures as room
from gan_edu.run import Knobs

# ---- the page and the core


@pytest.mark.parametrize("size", [64, 128])
def test_the_networks_of_the_page_are_the_cores(size, lesson):
    of_core = networks.DCGANGenerator, networks.DCGANDiscriminator
    for page, core in zip((lesson["generator"], lesson["discriminator"]), of_core):
        weights, x = [], torch.randn(2, 100) if page is lesson["generator"] else torch.randn(2, 3, size, size)  # fmt: skip
        for build in (page, lambda width, size, core=core: core(width=width, image_size=size, bias=True)):  # fmt: skip
            torch.manual_seed(3)
            network = build(width=8, size=size)
            weights.append((parameters_to_vector(network.parameters()), network(x)))
        assert all(map(torch.equal, *weights))


def test_the_blocks_of_the_page_are_the_cores(lesson):
    assert str(lesson["up_block"](6, 4)) == str(networks.up_block(6, 4))
    for norm in (True, False):
        assert str(lesson["down_block"](4, 6, norm)) == str(networks.down_block(4, 6, norm))
    found = lesson["discriminator"](norm=False), lesson["discriminator"](), lesson["generator"]()
    for network in found:  # a convolution has a bias exactly where no normalisation follows
        layers = [one for one in network.modules() if not list(one.children())]
        for layer, after in itertools.pairwise(layers):
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                assert (layer.bias is None) is isinstance(after, nn.BatchNorm2d)


def test_the_data_set_reads_what_pil_reads(lesson, tmp_path):
    for k, picture in enumerate(room.odd_faces(8)):
        picture.save(tmp_path / f"{k}.png")
    data = lesson["Faces"](tmp_path, 32)
    assert len(data) == 8 and data[4].shape == (3, 32, 32) and torch.equal(data[4][0], data[4][2])
    for k, picture in enumerate(room.odd_faces(8)):
        whole = picture.convert("RGB")
        short = 32 / min(whole.size)
        whole = whole.resize([round(short * side) for side in whole.size])
        top, left = (whole.height - 32) // 2, (whole.width - 32) // 2
        pixel = whole.getpixel((left + 5, top + 20))
        assert data[k][:, 20, 5].tolist() == pytest.approx([v / 127.5 - 1 for v in pixel], abs=1e-6)


# ---- the room


def test_stamps_are_the_transposed_convolution():
    rng = np.random.default_rng(0)
    for n, k, stride, padding in ((5, 4, 2, 1), (3, 3, 2, 1), (4, 2, 3, 0), (1, 4, 1, 0)):
        x, kernel = rng.random(n), rng.random(k)
        rows = l12_networks.stamped(x, kernel, stride)
        wanted = conv_transpose1d(torch.tensor(x)[None, None], torch.tensor(kernel)[None, None], stride=stride, padding=padding)  # fmt: skip
        kept = l12_networks.draw_stack(Figure().subplots(), rows, padding)
        assert kept == pytest.approx(wanted.flatten().numpy())


def test_the_walk_passes_through_faces_and_never_leaves_the_shell():
    growing = room.Growing()
    assert torch.equal(growing.latent(0)[0], room.CORNERS[0])
    assert torch.allclose(growing.latent(room.EACH)[0], room.CORNERS[1], atol=1e-5)
    lengths = torch.cat([growing.latent(n) for n in range(60)]).norm(dim=1)
    assert 7 < lengths.min() and lengths.max() < 13
    z = growing.latent(5)
    *hidden, face = growing.stages(z)
    assert [x.shape[1:] for x in hidden] == [(128, 4, 4), (64, 8, 8), (32, 16, 16), (16, 32, 32)]
    assert torch.equal(face, growing.G(z)) and all((x >= 0).all() for x in hidden)


def test_boxes_say_the_shapes_that_the_network_makes(lesson):
    drawn = l12_networks.blocks(lesson["discriminator"](128, 8), (3, 128, 128)).data
    for words in ("3 × 128 × 128", "8 × 64 × 64", "128 × 4 × 4", "1 logit", "aria-label"):
        assert words in drawn
    assert drawn.count("<rect") == 7 and "<style" not in drawn  # a style would reach the whole page


def test_the_pipeline_shows_what_the_data_set_gives(lesson):
    room.pipeline(lesson["pictures"], lesson["fit"])(fig := Figure(), Knobs(dict(number=6)))
    assert "RGBA" in fig.words and fig.axes[2].images[0].get_array().shape == (64, 64, 3)
    heights = [line.get_ydata()[:-1].sum() for line in fig.axes[3].lines]
    assert heights == [64 * 64] * 3


# ---- what is stored


def test_what_is_stored_is_of_this_page(lesson):
    stored = l12_perceptron.load_runs()
    assert stored["made"]["code"] == fingerprint(pictures_perceptron.NOTEBOOK)
    assert [len(runs) for runs in stored["runs"].values()] == [3] * 4
    shown = l12_perceptron.show_grids(stored["grids"]).data
    assert shown.count("<img") == 4 and shown.count("DCGAN") == 4 and "convolutional" not in shown
    found = l12_perceptron.reached(stored)
    first = next(iter(stored["runs"]))
    last = [one["frechet"] for one in stored["runs"][first][0]["measured"][-3:]]
    assert found[first][0] == sorted(last)[1]
    # What the text says of it, in numbers.
    dcgan = stored["runs"]["convolutional, 1e-3, (0.5, 0.99)"]
    ends = [[round(one["frechet"], 1) for one in run["measured"][-3:]] for run in dcgan[:2]]
    assert ends == [[38.8, 46.9, 46.9], [56.4, 51.9, 43.0]]
    medians = {name: np.median(numbers) for name, numbers in found.items()}
    slow, fast = ("2e-4, (0.5, 0.999)", "1e-3, (0.5, 0.99)")
    for kind in ("perceptron", "convolutional"):
        assert 1.7 < medians[f"{kind}, {slow}"] / medians[f"{kind}, {fast}"] < 2.3
    for settings in (slow, fast):
        ends = [found[f"{kind}, {settings}"] for kind in ("perceptron", "convolutional")]
        assert max(map(min, ends)) < min(map(max, ends))


def test_an_unfinished_table_is_refused(monkeypatch, tmp_path):
    (tmp_path / "unfinished.json").write_text(json.dumps({"runs": {"a": [1] * 3, "b": [1] * 2}}))
    monkeypatch.setattr(l12_perceptron, "STORED", tmp_path / "unfinished.json")
    with pytest.raises(ValueError, match="unfinished"):
        l12_perceptron.load_runs()
    assert l12_perceptron.alone_of({}) == []


@pytest.mark.parametrize("ends, best", [(([1, 2, 2], [3, 3, 4]), 0), (([5, 6, 6], [3, 3, 4]), 1), (([1, 2, 4], [3, 3, 4]), 2)])  # fmt: skip
def test_overlapping_ranges_have_no_winner(ends, best):
    runs = {f"{kind}, a": [{"measured": [{"frechet": v}] * 3} for v in one] for kind, one in zip(("perceptron", "convolutional"), ends)}  # fmt: skip
    runs |= {f"{kind}, b": [{"measured": [{"frechet": 99}] * 3}] * 3 for kind in ("perceptron", "convolutional")}  # fmt: skip
    assert l12_perceptron.better({"runs": runs}, (0, 1, 2)) == best


def test_the_perceptron_is_the_sources(lesson):
    G, D = lesson["perceptron_generator"](), lesson["perceptron_discriminator"]()
    assert G(torch.randn(3, 100)).shape == (3, 3, 64, 64) and D(torch.zeros(3, 3, 64, 64)).shape == (3,)  # fmt: skip
    assert sum(p.numel() for network in (G, D) for p in network.parameters()) == 19_725_185
    assert {layer.eps for layer in G if isinstance(layer, nn.BatchNorm1d)} == {0.8}


@pytest.mark.again
def test_every_untrained_generator_has_a_chessboard(lesson):
    for seed in range(8, 40):
        torch.manual_seed(seed)
        with torch.no_grad():
            x = lesson["generator"]()(torch.randn(64, 100))
        assert lesson["period_two"](x) > 4


# ---- exercises


@pytest.mark.parametrize("name", ["Faces", "to_batch", "size_out", "up_block", "down_block", "period_two"])  # fmt: skip
def test_solutions_are_right(name, lesson):
    assert getattr(checks, f"check_{name.lower()}")(lesson[name])


def rgb(picture, size):
    return l12_files.prepared(picture.convert("RGB"), size)


def faces(read=rgb, move=lambda a: torch.from_numpy(a.copy()).permute(2, 0, 1), scale=lambda x: x / 127.5 - 1, n=lambda self: len(self.files), k=lambda k: k):  # fmt: skip
    class Written(Dataset):
        def __init__(self, folder, size=64):
            self.files, self.size = sorted(pathlib.Path(folder).glob("*.png")), size

        def __len__(self):
            return n(self)

        def __getitem__(self, number):
            return scale(move(read(Image.open(self.files[k(number)]), self.size)))

    return Written


def axes(*order):
    return lambda a: torch.from_numpy(a.copy()).permute(*order)


test_each_wrong_data_set_gets_its_own_hint = each_wrong(checks.check_faces,
    (faces(), "Right"), (faces(scale=lambda x: (x / 255 - 0.5) / 0.5), "Right"), (faces(n=lambda self: ...), "still a blank"), (faces(scale=lambda x: ...), "still a blank"),
    (faces(n=lambda self: self.size), "number of files, 3"), (faces(scale=lambda x: x.numpy()), "it is ndarray"), (faces(move=lambda a: torch.from_numpy(a.copy())), "channels stand last"),
    (faces(l12_files.prepared, lambda a: torch.from_numpy(a.copy()).permute(2, 0, 1) if a.ndim == 3 else torch.from_numpy(a.copy())), "some files are grey"),
    (faces(lambda p, size: np.asarray(p.convert("RGB"))), "Did you use fit?"), (faces(move=lambda a: torch.from_numpy(a.copy()).reshape(3, 48, 48)), "only cuts the row"),
    (faces(scale=lambda x: x / 255), "from 0 to 1"), (faces(scale=lambda x: x.float()), "from 0 to 255"), (faces(scale=lambda x: x / 255 - 0.5), "from −0.5"), (faces(move=axes(2, 1, 0)), "on its side"),
    (faces(lambda *given: rgb(*given)[..., ::-1]), "red and blue"), (faces(k=lambda k: 0), "the same picture"), (faces(scale=lambda x: x.double() / 127.5 - 1), "torch.float64"),
    (faces(scale=lambda x: 1 - x / 127.5), "should be"),
)  # fmt: skip


test_each_wrong_batch_gets_its_own_hint = each_wrong(checks.check_to_batch,
    (lambda d: torch.from_numpy(d).permute(2, 0, 1)[:, None], "Right"), (lambda d: torch.from_numpy(np.moveaxis(d, 2, 0)).unsqueeze(1), "Right"), (lambda d: ..., "still a blank"),
    (lambda d: torch.from_numpy(d).reshape(4, 1, 5, 5), "cuts the row"), (lambda d: torch.from_numpy(d.T.copy())[:, None], "on their side"), (lambda d: torch.from_numpy(d).permute(2, 0, 1), "axis of channels is missing"),
    (lambda d: torch.from_numpy(d).permute(2, 0, 1)[:, None] / 127.5 - 1, "scaling comes later"), (lambda d: torch.from_numpy(d)[None], "must have shape"),
)  # fmt: skip


def sides(up=checks.up):
    return lambda n, k, s, p, transposed: (up if transposed else checks.conv)(n, k, s, p)


test_each_wrong_size_gets_its_own_hint = each_wrong(checks.check_size_out,
    (sides(), "Right"), (sides(up=lambda n, k, s, p: ...), "still a blank"),
    (sides(up=lambda n, k, s, p: n * s + k - 2 * p), "n − 1 moves"), (sides(up=lambda n, k, s, p: (n - 1) * s + k + 2 * p), "adds nothing"), (sides(up=lambda n, k, s, p: (n - 1) * s + k - p), "at both ends"),
    (sides(up=lambda n, k, s, p: (n - 1) * s - 2 * p), "`kernel` wide"), (sides(up=checks.conv), "its own formula"), (sides(up=lambda n, k, s, p: 2 * n), "should be"),
)  # fmt: skip


def up(kernel=4, padding=1, bias=False, norm=nn.BatchNorm2d, act=nn.ReLU, order=(0, 1, 2)):
    def build(a, b):
        layers = nn.ConvTranspose2d(a, b, kernel, 2, padding, bias=bias), norm(b), act()
        return nn.Sequential(*(layers[k] for k in order))

    return build


test_each_wrong_up_block_gets_its_own_hint = each_wrong(checks.check_up_block,
    (up(), "Right"), (lambda a, b: nn.Sequential(...), "still a blank"), (lambda a, b: [nn.ReLU()], "not list"), (lambda a, b: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(a, b, 3, padding=1)), "lets stamps"),
    (lambda a, b: nn.Sequential(nn.BatchNorm2d(b), nn.ReLU()), "layer with the stamps"), (up(kernel=3), "should be 4"), (up(padding=0), "(2, 4, 12, 12)"), (up(bias=True), "has no effect"), (up(norm=lambda n: nn.Identity()), "normalisation is missing"),
    (up(act=lambda: nn.LeakyReLU(0.2)), "without a leak"), (up(order=(0, 2, 1)), "stand in the order"),
)  # fmt: skip


def down(bias=lambda norm: not norm, act=lambda: nn.LeakyReLU(0.2), kernel=4, stride=2, padding=1, normed=lambda norm: norm, turn=False, more=()):  # fmt: skip
    def build(a, b, norm=True):
        layers = [nn.Conv2d(a, b, kernel, stride, padding, bias=bias(norm))]
        layers += [nn.BatchNorm2d(b)] if normed(norm) else []
        layers.insert(1 if turn else 2, act())
        return nn.Sequential(*layers, *more)

    return build


test_each_wrong_down_block_gets_its_own_hint = each_wrong(checks.check_down_block,
    (down(), "Right"), (lambda a, b, norm=True: ..., "still a blank"), (lambda a, b, norm=True: None, "not nothing"), (down(stride=1, kernel=3, more=[nn.AvgPool2d(2)]), "no pooling"), (down(kernel=3), "should be 4"),
    (down(stride=1), "(2, 6, 9, 9)"), (down(act=nn.ReLU), "slope 0.2"), (down(act=nn.LeakyReLU), "slope 0.2"), (down(normed=lambda norm: False), "normalisation is missing"), (down(normed=lambda norm: True), "no batch normalisation"),
    (down(bias=lambda norm: True), "has no effect"), (down(bias=lambda norm: False), "needs a bias"), (down(turn=True), "stand in the order"),
)  # fmt: skip


def waves(power, ratio=lambda p: p[-1] / p[-3:-1].mean()):
    return lambda x: ratio(power(x))


def of_rows(x, dim=-1):
    return torch.fft.rfft(x, dim=dim).abs()


test_each_wrong_power_gets_its_own_hint = each_wrong(checks.check_period_two,
    (waves(lambda x: of_rows(x).square().mean((0, 1, 2))), "Right"), (lambda x: ..., "still a blank"), (waves(lambda x: of_rows(x).mean((0, 1, 2))), "averaged the sizes"),
    (waves(lambda x: of_rows(x).mean((0, 1, 2)).square()), "square first"), (waves(lambda x: of_rows(x, 2).square().mean((0, 1, 3))), "along the columns"), (waves(lambda x: of_rows(x.mean((0, 1, 2))).square()), "cancel"),
    (waves(lambda x: of_rows(x).square().mean((0, 1, 2)), lambda p: p[-1] / p[-3:].mean()), "leaves it out"), (waves(lambda x: of_rows(x).square().mean((0, 1, 2)), lambda p: p[-1] / p.mean()), "not of all"),
    (waves(lambda x: of_rows(x).square().mean((0, 1, 2)), lambda p: p[-3:-1].mean() / p[-1]), "upside down"), (lambda x: of_rows(x).square(), "must be one number"), (lambda x: 1.0, "should be"),
)  # fmt: skip
