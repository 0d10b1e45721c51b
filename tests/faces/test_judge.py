"""The judge of faces against the true labels, and its measures against sets of pictures whose fault is known."""

import itertools
import pathlib
import re
import tomllib

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.neighbors import NearestNeighbors

from gan_edu.faces import ATTRIBUTES, PROBABILITIES, load_faces, make_faces, train_judge
from gan_edu.faces import judge as judge_module
from gan_edu.faces.judge import (
    SEEDS,
    WEIGHTS,
    FaceJudge,
    face_quality,
    is_face,
    load_judge,
    real_floor,
)
from gan_edu.faces.train_judge import blurred, conditions, disturbed, rough

ROOT = pathlib.Path(__file__).resolve().parents[2]
REAL = next(
    (home / "shared" / "data" for home in ROOT.parents if (home / "shared" / "data").is_dir()), None
)
SEED = 7_123_456  # of the faces of these tests: of no other set
COUNTS = [len(values) for values in ATTRIBUTES.values()]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def faces():
    """2,000 faces and their labels."""
    return make_faces(2000, seed=SEED)


@pytest.fixture(scope="module")
def x(faces):
    """The same as floats in (-1, 1)."""
    return faces[0].float() / 127.5 - 1


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


# --- what is stored -------------------------------------------------------------------------------------------------


def test_the_stored_file():
    content = torch.load(WEIGHTS, weights_only=True)
    assert WEIGHTS.stat().st_size < 400_000
    floats = [value for value in content["weights"].values() if value.is_floating_point()]
    assert {value.dtype for value in floats} == {torch.float16} and all(
        value.isfinite().all() for value in floats
    )
    about = content["about"]
    assert {"faces", "epochs", "seed", "core_seconds", "accuracy", "face"} <= set(about)
    assert about["attributes"] == {name: list(values) for name, values in ATTRIBUTES.items()}
    assert list(about["accuracy"]) == [
        "clean",
        "blurred",
        "noisy",
        "tinted",
        "shifted",
        "all at once",
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert (
        "weights/*.pt" in project["tool"]["setuptools"]["package-data"]["gan_edu"]
    )  # it goes with an installation


def test_the_sets_have_no_face_in_common():
    sets = {
        name: {image.numpy().tobytes() for image in make_faces(400, seed=s, size=16)[0]}
        for name, s in SEEDS.items()
    }
    assert len(set.union(*sets.values())) == 400 * len(SEEDS)
    for source in [
        *ROOT.glob("notebooks/*.ipynb"),
        *ROOT.glob("gan_edu/**/*.py"),
        *ROOT.glob("benchmarks/*.py"),
    ]:
        seeds = re.findall(r"seed\s*=\s*([\d_]+)", source.read_text(encoding="utf-8"))
        assert not {int(seed.replace("_", "") or 0) for seed in seeds} & set(SEEDS.values()), source


def test_the_same_judge_each_time():
    judge = load_judge()
    assert judge is load_judge() and not judge.training
    assert not any(parameter.requires_grad for parameter in judge.parameters())


@pytest.mark.parametrize("content", [{"format": "something else"}, {}, [1]])
def test_a_foreign_file(tmp_path, monkeypatch, content):
    torch.save(content, tmp_path / "judge.pt")
    monkeypatch.setattr(judge_module, "WEIGHTS", tmp_path / "judge.pt")
    with pytest.raises(
        ValueError, match=r"judge\.pt is not what python -m gan_edu\.faces\.train_judge writes"
    ):
        load_judge.__wrapped__()


# --- attributes -----------------------------------------------------------------------------------------------------

LEAST = {  # share of right labels
    "clean": dict(
        smile=0.96, glasses=0.99, beard=0.98, hair_colour=0.98, hair_style=0.98, skin=0.98
    ),
    "blurred": dict(
        smile=0.94, glasses=0.99, beard=0.97, hair_colour=0.97, hair_style=0.97, skin=0.98
    ),
    "noisy": dict(
        smile=0.93, glasses=0.99, beard=0.97, hair_colour=0.97, hair_style=0.96, skin=0.98
    ),
    "tinted": dict(
        smile=0.95, glasses=0.99, beard=0.96, hair_colour=0.97, hair_style=0.97, skin=0.96
    ),
    "shifted": dict(
        smile=0.94, glasses=0.98, beard=0.96, hair_colour=0.96, hair_style=0.92, skin=0.98
    ),
    "all at once": dict(
        smile=0.91, glasses=0.98, beard=0.96, hair_colour=0.96, hair_style=0.95, skin=0.97
    ),
}


def test_attributes_are_read_from_faces_like_generated_ones(faces):
    images, labels = faces
    judge, stored = load_judge(), load_judge().about["accuracy"]
    for condition, pictures in conditions(images).items():
        said = judge.predict(pictures)
        assert list(said) == list(ATTRIBUTES)
        for name, label in labels.items():
            assert said[name].dtype == torch.int64 and said[name].shape == (2000,)
            right = (said[name] == label).double().mean().item()
            assert right >= LEAST[condition][name], (condition, name, right)
            assert abs(right - stored[condition][name]) < 0.02, (
                condition,
                name,
            )  # what is stored is true
            strangers = (said[name] == label.roll(1)).double().mean().item()
            assert (
                strangers < sum(p * p for p in PROBABILITIES[name]) + 0.05
            )  # of other faces it knows nothing


# --- how pictures come ----------------------------------------------------------------------------------------------


def test_pictures_as_bytes_floats_and_arrays(faces, x):
    judge, images = load_judge(), faces[0][:300]
    features = judge.features(images)
    assert features.shape == (300, 64) and features.dtype == np.float32
    for same in (
        x[:300],
        x[:300].double(),
        images.numpy(),
        x[:300].numpy(),
        x[:300].clone().requires_grad_(),
    ):
        assert np.abs(judge.features(same) - features).max() < 1e-3
    assert (
        np.abs(
            judge.features(images.contiguous(memory_format=torch.channels_last)) - features
        ).max()
        < 1e-3
    )
    alone = np.concatenate([judge.features(images[k : k + 1]) for k in range(5)])
    assert np.abs(alone - features[:5]).max() < 1e-3  # a picture is judged by itself
    assert np.abs(features[0] - features[1]).max() > 0.1


def test_features_and_labels_of_one_pass_by_hand(x):
    judge = load_judge()
    with torch.no_grad():
        features = judge.body(x[:20])
        logits = features.clamp(min=0) @ judge.heads.weight.T + judge.heads.bias
    assert np.abs(judge.features(x[:20]) - features.numpy()).max() < 1e-4
    for k, name in enumerate(ATTRIBUTES):
        part = logits[:, sum(COUNTS[:k]) : sum(COUNTS[: k + 1])]
        assert torch.equal(judge.predict(x[:20])[name], part.argmax(1))
    logit, distance = judge.likeness(x[:20])
    real = torch.from_numpy(judge.features(make_faces(2000, seed=SEEDS["reference"])[0]))
    assert np.abs(logit - logits[:, -1].numpy()).max() < 1e-4
    assert np.abs(distance - (features[:, None] - real).norm(dim=2).amin(1).numpy()).max() < 1e-3
    assert np.array_equal(judge.predict(x[:20])["skin"], judge.predict(x[:20].numpy())["skin"])


@pytest.mark.parametrize(
    "bad, message",
    [
        (torch.zeros(4, 3, 32, 32), r"shape \(n, 3, 64, 64\), got \(4, 3, 32, 32\)"),
        (torch.zeros(3, 64, 64), r"got \(3, 64, 64\)"),
        (torch.zeros(0, 3, 64, 64), r"got \(0, 3, 64, 64\)"),
        (np.zeros((4, 64, 64, 3)), r"got \(4, 64, 64, 3\)"),
        ("faces.png", "got str"),
        (None, "got NoneType"),
        (
            torch.zeros(4, 3, 64, 64, dtype=torch.int64),
            r"uint8, or floats from -1 to 1, got torch\.int64",
        ),
        (torch.zeros(4, 3, 64, 64) + 255, "uint8, or floats from -1 to 1, got 255 to 255"),
        (torch.zeros(4, 3, 64, 64) + torch.nan, "uint8, or floats from -1 to 1, got nan to nan"),
    ],
)
def test_bad_pictures_are_named(bad, message):
    judge = load_judge()
    for call in (judge.features, judge.predict, face_quality, is_face):
        with pytest.raises(ValueError, match="images must be .*" + message):
            call(bad)


def test_other_bad_input_is_named():
    with pytest.raises(ValueError, match="n must be a whole number of at least 4, got 3"):
        real_floor(3)
    with pytest.raises(ValueError, match=r"must have shape \(n, d\) with n >= 4"):
        face_quality(make_faces(3)[0])


# --- quality: numbers -----------------------------------------------------------------------------------------------


def test_quality_by_other_means(x):
    pictures = blurred(x[:700], 2.0)
    found, judge = face_quality(pictures), load_judge()
    real = judge.features(make_faces(2000, seed=SEEDS["reference"])[0][:700]).astype(float)
    fake = judge.features(pictures).astype(float)
    a, b = np.cov(real.T), np.cov(fake.T)
    mean = ((real.mean(0) - fake.mean(0)) ** 2).sum()
    frechet = mean + np.trace(a + b) - 2 * np.trace(scipy.linalg.sqrtm(a @ b).real)
    assert found.frechet == pytest.approx(frechet, rel=1e-6) and found.n == 700  # of as many real

    def share(points, centers):
        radii = NearestNeighbors(n_neighbors=3).fit(centers).kneighbors()[0][:, -1]
        return (np.linalg.norm(points[:, None] - centers, axis=2) <= radii).any(1).mean()

    assert found.precision == pytest.approx(share(fake, real), abs=0.005)
    assert found.recall == pytest.approx(share(real, fake), abs=0.005)
    for name, label in judge.predict(pictures).items():
        shares = [(label == k).double().mean().item() for k in range(len(ATTRIBUTES[name]))]
        distance = sum(abs(a - b) for a, b in zip(shares, PROBABILITIES[name])) / 2
        assert found.marginals[name] == pytest.approx(distance, abs=1e-9)
    assert found.off == pytest.approx(sum(found.marginals.values()) / 6)


def test_the_floor_of_real_faces(faces):
    floors = {n: real_floor(n) for n in (500, 1000, 2000)}
    print(floors)
    assert (
        floors[500].frechet > floors[1000].frechet > floors[2000].frechet
    )  # fewer pictures: a larger distance
    for n, floor in floors.items():
        assert floor.n == n and max(floor.marginals.values()) < 0.1
        assert 700 < n * floor.frechet < 1400  # the bias falls like 1/n, where both sides have n
        assert floor.precision > 0.9 and floor.recall > 0.9
    assert max(floors[2000].marginals.values()) < 0.04
    again = face_quality(faces[0])  # other faces: the same floor
    assert again.frechet == pytest.approx(floors[2000].frechet, rel=0.3)
    assert max(again.marginals.values()) < 0.04
    assert (
        abs(again.precision - floors[2000].precision) < 0.03
        and abs(again.recall - floors[2000].recall) < 0.03
    )


def test_the_reference_itself_is_at_zero():
    found = face_quality(make_faces(2000, seed=SEEDS["reference"])[0])
    assert found.frechet == pytest.approx(0, abs=1e-9) and found.precision == found.recall == 1


# --- quality: sets with a known fault -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, value, distance", [("glasses", 1, 0.7), ("smile", 0, 0.5), ("skin", 5, 5 / 6)]
)
def test_marginals_see_a_set_with_one_value(name, value, distance):
    found = face_quality(make_faces(1000, seed=SEED, **{name: value})[0])
    assert found.marginals[name] == pytest.approx(distance, abs=0.04)
    assert sum(value < 0.15 for value in found.marginals.values()) == 5
    assert found.frechet > 3 * real_floor(1000).frechet


def rises(values, by=1.2):
    return all(after > by * before for before, after in itertools.pairwise(values))


def test_the_distance_rises_with_blur_and_noise(x, rng):
    blur = [face_quality(blurred(x, sigma)) for sigma in (0.05, 1, 2, 3, 5, 8)]
    drawn = torch.randn(x.shape, generator=rng)
    noise = [
        face_quality((x + scale * drawn).clamp(-1, 1)) for scale in (0, 0.1, 0.2, 0.4, 0.8, 1.6)
    ]
    for found in (blur, noise):
        print([(round(q.frechet, 2), q.precision, q.recall) for q in found])
        assert rises([quality.frechet for quality in found])
        assert found[-1].precision < 0.1 and found[-1].recall < 0.1
        assert found[0].precision > 0.9 and found[0].recall > 0.9


def test_ten_faces_over_and_over_lose_the_recall_alone(faces):
    repeated = face_quality(faces[0][:10].repeat(200, 1, 1, 1))
    few = face_quality(faces[0][:100].repeat(20, 1, 1, 1))
    assert repeated.precision > 0.6 and few.precision > 0.85
    assert repeated.recall < 0.01 and few.recall < 0.2
    assert repeated.frechet > 50 * real_floor().frechet


# --- other real faces -----------------------------------------------------------------------------------------------


def test_another_reference(faces):
    bright = make_faces(600, seed=SEED + 1, skin=0, hair_colour="blond")[0]
    same, other = make_faces(500, seed=SEED + 2, skin=0, hair_colour="blond")[0], faces[0][:500]
    found = face_quality(same, reference=bright)
    assert found.marginals is None and found.off is None
    assert found.precision > 0.85 and found.recall > 0.85
    assert face_quality(other, reference=bright).frechet > 10 * found.frechet
    assert face_quality(same).frechet > 10 * found.frechet
    assert face_quality(same, reference=load_judge().features(bright)) == found  # computed once


@pytest.mark.skipif(REAL is None, reason="the real faces are not here")
def test_real_grey_faces_are_told_from_others(rng, faces):
    real = load_faces(REAL)[torch.randperm(400, generator=rng)]
    reference, rest = real[:200], real[200:]
    floor = face_quality(rest, reference=reference)
    spoilt = train_judge.blurred(rest.float() / 127.5 - 1, 3.0)
    grey = faces[0][:200].float().mean(1, keepdim=True).repeat(1, 3, 1, 1) / 127.5 - 1
    noise = torch.rand(200, 3, 64, 64, generator=rng) * 2 - 1
    found = {
        name: face_quality(p, reference=reference)
        for name, p in dict(blur=spoilt, drawn=grey, noise=noise).items()
    }
    print(floor, found)
    assert floor.precision > 0.6 and floor.recall > 0.6
    for name, quality in found.items():
        assert quality.frechet > 3 * floor.frechet, name
    assert found["drawn"].precision < 0.3 and found["noise"].precision < 0.05


# --- is it a face? --------------------------------------------------------------------------------------------------


def test_both_limits_count(monkeypatch):
    limits = load_judge().about["face"]
    logit, distance = limits["least_logit"], limits["largest_distance"]
    cases = np.array(
        [[logit + 1, distance - 1], [logit - 1, distance - 1], [logit + 1, distance + 1], [-9, 99]]
    )
    monkeypatch.setattr(FaceJudge, "likeness", lambda self, images: (cases[:, 0], cases[:, 1]))
    assert is_face(None).tolist() == [True, False, False, False]


def test_the_limits_are_those_of_real_faces(faces, x, rng):
    limits = load_judge().about["face"]
    for pictures in (x, disturbed(x, rng)):
        logits, distances = load_judge().likeness(pictures)
        assert 0.985 < (logits >= limits["least_logit"]).mean() <= 1
        assert 0.985 < (distances <= limits["largest_distance"]).mean() <= 1
    assert 0 < limits["least_logit"] < np.quantile(logits, 0.2)  # more likely a face than not


def share_of_faces(pictures):
    found = is_face(pictures)
    assert found.dtype == torch.bool and found.shape == (len(pictures),)
    return found.double().mean().item()


def test_faces_are_faces(faces, x, rng):
    assert share_of_faces(faces[0]) >= 0.98
    for name, pictures in conditions(faces[0]).items():
        assert share_of_faces(pictures) >= 0.98, name
    for name, values in ATTRIBUTES.items():  # of every kind
        for k, value in enumerate(values):
            assert share_of_faces(faces[0][faces[1][name] == k]) >= 0.95, (name, value)


def swapped_halves(x, dim):
    one, two = x.chunk(2, dim=dim)
    return torch.cat([two, one], dim=dim)


def without(x, top, bottom, left, right):
    """Return the pictures with one part painted in its own mean colour."""
    x = x.clone()
    x[:, :, top:bottom, left:right] = x[:, :, top:bottom, left:right].mean((2, 3), keepdim=True)
    return x


NO_FACES = {  # name: how to make them of faces, the largest share that may pass
    "uniform noise": (lambda x, rng: torch.rand(x.shape, generator=rng) * 2 - 1, 0),
    "normal noise": (lambda x, rng: torch.randn(x.shape, generator=rng).clamp(-1, 1), 0),
    "coarse noise": (
        lambda x, rng: blurred(torch.randn(x.shape, generator=rng), 3.0).mul(8).clamp(-1, 1),
        0,
    ),
    "faces under noise": (
        lambda x, rng: (x + torch.randn(x.shape, generator=rng)).clamp(-1, 1),
        0.01,
    ),
    "shuffled pixels": (
        lambda x, rng: x.flatten(2)[:, :, torch.randperm(4096, generator=rng)].view(x.shape),
        0,
    ),
    "blank": (
        lambda x, rng: (torch.rand(len(x), 3, 1, 1, generator=rng) * 2 - 1).expand(x.shape),
        0,
    ),
    "black": (lambda x, rng: torch.full(x.shape, -1.0), 0),
    "grey": (lambda x, rng: torch.zeros(x.shape), 0),
    "backgrounds": (lambda x, rng: x[:, :, :1, :1].expand(x.shape), 0),
    "blurred averages": (
        lambda x, rng: blurred(torch.stack([x.roll(k, 0) for k in range(12)]).mean(0), 2.0),
        0.02,
    ),
    "strong blur": (lambda x, rng: blurred(x, 6.0), 0.02),
    "top and bottom exchanged": (lambda x, rng: swapped_halves(x, 2), 0.02),
    "left and right exchanged": (lambda x, rng: swapped_halves(x, 3), 0.02),
    "upside down": (lambda x, rng: x.flip(2), 0.02),
    "on its side": (lambda x, rng: x.rot90(1, (2, 3)), 0.1),
    "blue and red exchanged": (lambda x, rng: x.flip(1), 0.05),
    "colours permuted": (lambda x, rng: x[:, [1, 2, 0]], 0.02),
    "negatives": (lambda x, rng: -x, 0.02),
    "quarters": (lambda x, rng: x[:, :, ::2, ::2].repeat(1, 1, 2, 2), 0.02),
    "no eyes": (lambda x, rng: without(x, 22, 36, 16, 48), 0.1),
}


@pytest.mark.parametrize("name", NO_FACES)
def test_what_is_no_face(name, x, rng):
    spoil, most = NO_FACES[name]
    share = share_of_faces(spoil(x[:1000], rng))
    print(name, share)
    assert share <= most


# --- training -------------------------------------------------------------------------------------------------------


def test_spoilt_and_disturbed_pictures(x, rng):
    near, poor, far = disturbed(x[:100], rng), rough(x[:100], rng), train_judge.spoilt(x[:100], rng)
    for pictures in (near, poor, far):
        assert pictures.shape == (100, 3, 64, 64) and pictures.abs().max() <= 1
        assert (pictures != x[:100]).flatten(1).any(1).all()
    changes = [(pictures - x[:100]).abs().mean().item() for pictures in (near, poor, far)]
    assert changes == sorted(changes) and 2 * changes[0] < changes[2]
    again = torch.Generator().manual_seed(0)
    assert torch.equal(disturbed(x[:100], again), near) and torch.equal(rough(x[:100], again), poor)
    assert torch.equal(train_judge.spoilt(x[:100], again), far)


def test_blur_is_scipys(x):
    from scipy.ndimage import gaussian_filter

    middle = (
        slice(None),
        slice(12, -12),
        slice(12, -12),
    )  # they differ in what lies beyond the edge
    expected = gaussian_filter(x[0].double().numpy(), (0, 2.0, 2.0), truncate=6)
    assert np.abs(blurred(x[:1], 2.0)[0].numpy() - expected)[middle].max() < 1e-4
    assert (blurred(x[:3], 0.0) - x[:3]).abs().max() < 1e-6
    assert torch.allclose(
        blurred(x[:2], torch.tensor([1.0, 3.0]))[1], blurred(x[1:2], 3.0)[0], atol=1e-5
    )


def test_training_can_be_repeated_and_learns(tmp_path, capsys):
    arguments = ["--faces", "1280", "--epochs", "3"]
    torch.manual_seed(3)
    numbers = torch.rand(2)
    torch.manual_seed(3)
    train_judge.main([*arguments, "--out", str(tmp_path / "a.pt")])
    assert torch.equal(torch.rand(2), numbers)  # nobody else's random numbers are used up
    content = torch.load(tmp_path / "a.pt", weights_only=True)
    assert content["about"]["faces"] == 1280 and content["about"]["epochs"] == 3
    assert content["about"]["accuracy"]["clean"]["glasses"] > 0.8 > max(PROBABILITIES["glasses"])
    assert content["about"]["accuracy"]["clean"]["hair_colour"] > 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]  # no unfinished file
    assert "s of one core" in capsys.readouterr().out
    again = train_judge.train(1280, 3).state_dict()
    assert all(
        torch.equal(value.to(content["weights"][name].dtype), content["weights"][name])
        for name, value in again.items()
    )
