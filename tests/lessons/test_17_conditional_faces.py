"""Lesson 17: what it shows is the package's, its tables are the stored ones, and its claims hold for other seeds."""

import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from gan_edu import losses
from gan_edu.lessons import l17_checks as checks
from gan_edu.lessons import l17_conditional as conditional
from gan_edu.lessons.l17_conditional_faces import load_results
from gan_edu.lessons.say import check_prediction
from notebooks import NOTEBOOKS, cells, definitions

sys.path.insert(0, str(NOTEBOOKS.parent))  # the benchmarks are no part of the package
from benchmarks import conditional_results

VARIANTS = ("cGAN", "AC-GAN", "projection")
FACE_VARIANTS = (*VARIANTS, "guided")


@pytest.fixture(scope="module")
def lesson():
    return definitions("17")


@pytest.fixture(scope="module")
def stored():
    return load_results()


# ---- what is shown is what the package has


def both(lesson, name):
    return lesson[name], getattr(conditional, name)


def body():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh())


def embedding(dim):
    return lambda classes: classes["LabelEmbedding"]([2, 5], dim)


MODULES = {
    "LabelEmbedding": lambda make, classes: make([2, 5], 4),
    "ConditionalGenerator": lambda make, classes: make(nn.Linear(7, 3), embedding(4)(classes)),
    "BlindDiscriminator": lambda make, classes: make(body(), 8),
    "JointDiscriminator": lambda make, classes: make(body(), 8, embedding(4)(classes), 4),
    "ClassifyingDiscriminator": lambda make, classes: make(body(), 8, [2, 5]),
    "ProjectionDiscriminator": lambda make, classes: make(body(), 8, embedding(8)(classes)),
    "GuidedDiscriminator": lambda make, classes: make(body(), 8, [2, 5]),
}
LOSSES = (
    "class_loss",
    "acgan_discriminator_loss",
    "acgan_generator_loss",
    "guided_discriminator_loss",
    "guided_generator_loss",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_shown_module_is_the_packages(lesson, name):
    outputs = []
    for classes in (lesson, vars(conditional)):
        torch.manual_seed(0)
        module = MODULES[name](classes[name], classes)
        y, x = torch.randint(2, (6, 2)), torch.randn(6, 3 if name == "ConditionalGenerator" else 12)
        out = module(y) if name == "LabelEmbedding" else module(x, y)
        outputs.append([out[0], *out[1], out[2]] if isinstance(out, tuple) else [out])
    for shown, ours in zip(*outputs, strict=True):
        torch.testing.assert_close(shown, ours)


@pytest.mark.parametrize("seed", range(3))
def test_the_shown_losses_are_the_packages(lesson, seed):
    torch.manual_seed(seed)
    y = torch.randint(2, (6, 2))
    real, fake = ((torch.randn(6), [torch.randn(6, 2), torch.randn(6, 5)], y) for _ in range(2))
    for name, arguments in (
        ("class_loss", real[1:]),
        ("acgan_discriminator_loss", (real, fake)),
        ("acgan_generator_loss", (fake,)),
        ("guided_discriminator_loss", (real, fake)),
        ("guided_generator_loss", (fake,)),
    ):
        shown, ours = both(lesson, name)
        torch.testing.assert_close(shown(*arguments), ours(*arguments))


def test_every_shown_name_is_compared_here():
    tags = {
        tag.removeprefix("shown:")
        for cell in cells("17")
        for tag in cell.metadata.get("tags", [])
        if tag.startswith("shown:")
    }
    assert tags == {*MODULES, *LOSSES}


PARTS = {  # variant: its class and losses in the notebook
    "cGAN": ("JointDiscriminator", None, None),
    "AC-GAN": ("ClassifyingDiscriminator", "acgan_discriminator_loss", "acgan_generator_loss"),
    "projection": ("ProjectionDiscriminator", None, None),
    "guided": ("GuidedDiscriminator", "guided_discriminator_loss", "guided_generator_loss"),
}


@pytest.mark.parametrize("task", ["digit_gan", "face_gan"])
@pytest.mark.parametrize("variant", PARTS)
def test_what_the_learner_wrote_is_what_trains(lesson, task, variant):
    gan, (name, d_loss, g_loss) = lesson[task](variant), PARTS[variant]
    assert type(gan.discriminator.module) is lesson[name]
    assert type(gan.generator.module) is lesson["ConditionalGenerator"]
    assert gan.d_loss is (lesson[d_loss] if d_loss else losses.discriminator_loss)
    assert gan.g_loss is (lesson[g_loss] if g_loss else losses.generator_loss_nonsaturating)


def test_the_precision_is_that_of_the_device_of_the_networks(lesson, gpu_beside_an_old_processor):
    gan = lesson["face_gan"]()
    assert gan.device.type == "cpu" and gan.precision is torch.float32


# ---- the stored tables


def test_the_stored_results_have_the_settings_of_the_notebook(lesson, stored):
    assert stored["settings"] == {"digits": lesson["DIGITS"], "faces": lesson["FACES"]}
    assert {
        name: len(runs) for name, runs in stored["digits"].items() if name in VARIANTS
    } == dict.fromkeys(VARIANTS, 8)
    assert {name: len(runs) for name, runs in stored["faces"].items()} == dict.fromkeys(
        FACE_VARIANTS, 3
    )
    assert len(stored["digits"]) == 5
    for runs in (*stored["digits"].values(), *stored["faces"].values()):
        assert len(runs) >= 3 and len({run["frechet"] for run in runs}) == len(
            runs
        )  # as many different runs


def test_the_stored_results_were_made_by_the_code_of_the_notebook(stored):
    assert stored["made"]["code"] == conditional_results.fingerprint()


def column(stored, task, name, key):
    return np.array([run[key] for run in stored[task][name]])


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_variants_obey_on_digits(stored, variant):
    assert column(stored, "digits", variant, "accuracy").min() >= 0.9
    assert (abs(column(stored, "digits", variant, "permuted") - 0.1) < 0.05).all()


@pytest.mark.parametrize("attribute", ["smile", "glasses"])
def test_the_lessons_own_variant_obeys_on_faces(stored, attribute):
    """Of the other three the lesson says what was found."""
    assert column(stored, "faces", "guided", attribute).min() >= 0.9


@pytest.mark.parametrize("variant", FACE_VARIANTS)
def test_permuted_wishes_are_at_chance(stored, variant):
    for attribute, chance in (("smile", 0.5), ("glasses", 0.5), ("hair_colour", 0.2)):
        assert (
            abs(column(stored, "faces", variant, f"permuted {attribute}") - chance) < 0.06
        ).all()


def test_on_faces_the_guided_head_alone_obeys_and_keeps_variety(stored):
    smile, recall, distance = (
        {name: column(stored, "faces", name, key) for name in FACE_VARIANTS}
        for key in ("smile", "recall", "frechet")
    )
    assert max(smile[name].max() for name in ("cGAN", "projection")) < smile["guided"].min()
    assert recall["AC-GAN"].max() < 0.01 and recall["guided"].min() > 0.2
    assert distance["AC-GAN"].min() > max(
        distance[name].max() for name in FACE_VARIANTS if name != "AC-GAN"
    )


def test_shuffled_labels_destroy_the_accuracy_and_leave_the_distance(stored):
    assert column(stored, "digits", "cGAN, shuffled labels", "accuracy").max() < 0.2
    ratio = np.median(column(stored, "digits", "cGAN, shuffled labels", "frechet")) / np.median(column(stored, "digits", "cGAN", "frechet"))  # fmt: skip
    assert 0.5 < ratio < 2


def test_the_acgan_loses_handwritings(stored):
    recall = {variant: column(stored, "digits", variant, "recall") for variant in VARIANTS}
    assert recall["AC-GAN"].max() < min(recall["cGAN"].min(), recall["projection"].min())


# ---- measures that can fail


class Oracle:
    """Instead of a generator: real digits as asked for, or always the same picture of each."""

    def __init__(self, lesson, constant):
        self.lesson, self.constant = lesson, constant

    def generate(self, z, y):
        images, digits = self.lesson["images"], self.lesson["digits"]
        rows = [np.flatnonzero(digits == digit) for digit in range(10)]
        turn = np.zeros(10, dtype=int)
        picked = []
        for digit in y[:, 0].tolist():
            known = rows[digit][
                rows[digit] % 2 == 0
            ]  # the judge has learned from every second digit
            picked.append(
                known[0] if self.constant else rows[digit][turn[digit] % len(rows[digit])]
            )
            turn[digit] += 1
        return images[picked]


def test_the_measures_tell_real_digits_from_one_picture_per_digit(lesson):
    real, constant = (
        lesson["judge_digits"](Oracle(lesson, constant)) for constant in (False, True)
    )
    assert (
        real["accuracy"] > 0.97 and constant["accuracy"] == 1.0
    )  # a constant generator passes the accuracy ...
    assert (
        real["recall"] > 0.8 and constant["recall"] < 0.02 and constant["spread"] < 1e-6
    )  # ... and fails these
    assert (
        real["spread"] == pytest.approx(1, abs=0.1) and real["frechet"] < 1e-6 < constant["frechet"]
    )
    assert abs(real["permuted"] - 0.1) < 0.04


# ---- other seeds than the notebook's


def trained(gan, n_steps):
    for _ in range(n_steps):
        gan.step()
    return gan


def test_a_blind_discriminator_teaches_no_label(lesson):
    shares = [
        lesson["obeys"](trained(lesson["digit_gan"]("blind", seed), 700)) for seed in (1000, 1001)
    ]
    assert max(shares) < 0.4


@pytest.mark.parametrize("seed", [1000, 1001])
def test_weak_regularisation_collapses_the_acgan_within_classes(lesson, seed):
    spread = {}
    for variant in ("AC-GAN", "projection"):
        gan = lesson["digit_gan"](variant, seed)
        gan.hparams.lambda_gp, gan.hparams.lr_d, gan.hparams.lr_g = 1.0, 1e-3, 1e-3
        spread[variant] = lesson["within_digits"](*lesson["ask_digits"](trained(gan, 1500)))[
            "spread"
        ]
    assert spread["AC-GAN"] < 0.4 < spread["projection"]


def test_the_faces_learn_from_all_three_labels(lesson):
    gan = lesson["face_gan"]("AC-GAN", 1000)
    before = [table.weight.clone() for table in gan.generator.module.embed.tables]
    trained(gan, 3)
    assert all(
        (table.weight != b).any() for table, b in zip(gan.generator.module.embed.tables, before)
    )
    scores = lesson["judge_faces"](gan, n=200)
    assert set(lesson["ASKED"]) < set(scores) and all(
        0 <= scores[name] <= 1 for name in lesson["ASKED"]
    )


# ---- exercises


def says(capsys, check, *arguments):
    verdict = check(*arguments)
    return verdict, capsys.readouterr().out


def generator(join, in_features=24, make_embedding=lambda: nn.Embedding(10, 8)):
    """A learner's generator: join(self, z, y) makes what the network sees."""

    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = make_embedding()
            self.net = nn.Sequential(
                nn.Linear(in_features, 32), nn.ReLU(), nn.Linear(32, 64), nn.Tanh()
            )

        def forward(self, z, y):
            return self.net(join(self, z, y))

    return Written


def joined(z, e):
    return torch.cat([z, e], dim=1)


def returning(change):
    right = generator(lambda self, z, y: joined(z, self.embed(y[:, 0])))

    class Written(right):
        def forward(self, z, y):
            return change(super().forward(z, y))

    return Written


@pytest.mark.parametrize(
    "answer, hint",
    [
        (lambda: 1 / 0, "stops with ZeroDivisionError"),
        (generator(lambda self, z, y: z, 16), "do not depend on y"),
        (
            generator(lambda self, z, y: torch.cat([self.embed(y[:, 0])] * 3, dim=1)),
            "do not depend on z",
        ),
        (generator(lambda self, z, y: joined(z, self.embed(y))), "take y[:, 0]"),
        (generator(lambda self, z, y: joined(z, self.embed(y[:, 0])), 16), "16 + 8"),
        (generator(lambda self, z, y: joined(z, y.float()), 17), "goes in as a number"),
        (generator(lambda self, z, y: joined(z, y / 9), 17), "goes in as a number"),
        (
            generator(lambda self, z, y: joined(z, nn.Embedding(10, 8)(y[:, 0]))),
            "Make it once, in __init__",
        ),
        (
            generator(lambda self, z, y: joined(z, self.embed(y[:1, 0]).expand(len(z), -1))),
            "its place in the batch",
        ),
        (
            generator(lambda self, z, y: joined(z, self.embed(y[:, 0]).flip(0))),
            "of the *other* pictures",
        ),
        (returning(lambda x: None), "returns nothing yet"),
        (returning(lambda x: x.reshape(-1, 1, 8, 8)), "it returned (20, 1, 8, 8)"),
        (returning(torch.detach), "no gradient"),
        (returning(lambda x: 3 * x), "Tanh"),
    ],
)
def test_each_wrong_generator_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_conditional_generator, answer)
    assert not verdict and hint in words


@pytest.mark.parametrize(
    "answer",
    [
        generator(lambda self, z, y: joined(z, self.embed(y[:, 0]))),
        generator(lambda self, z, y: joined(z, self.embed(y).squeeze(1))),
        generator(lambda self, z, y: joined(z, nn.functional.one_hot(y[:, 0], 10).float()), 26),
        generator(lambda self, z, y: z * self.embed(y[:, 0]), 16, lambda: nn.Embedding(10, 16)),
    ],
)
def test_right_generators_pass(capsys, answer):
    verdict, words = says(capsys, checks.check_conditional_generator, answer)
    assert verdict and words.startswith("Right")


def classifier(change=lambda v: v, real=lambda v: v, label=lambda y: y, forward=None):
    """A learner's discriminator, right but for what is given."""

    class Written(conditional.ClassifyingDiscriminator):
        def forward(self, x, y):
            if forward is not None:
                return forward(self, x, y)
            h = self.body(x)
            return real(self.real(h)[:, 0]), [change(head(h)) for head in self.classes], label(y)

    return Written


@pytest.mark.parametrize(
    "answer, hint",
    [
        (classifier(lambda v: v.softmax(1)), "the softmax is still there"),
        (classifier(lambda v: v.softmax(0)), "along the batch (dim=0)"),
        (classifier(torch.sigmoid), "a sigmoid squeezes"),
        (classifier(torch.relu), "a rectifier cuts off"),
        (classifier(lambda v: v.log_softmax(0)), "the classes are along dim=1"),
        (classifier(lambda v: v.argmax(1)), "no argmax"),
        (classifier(lambda v: v.detach()), "no gradient reaches the class heads"),
        (classifier(lambda v: 2 * v), "still changes them"),
        (classifier(real=torch.sigmoid), "real-or-not"),
        (classifier(label=lambda y: y[:, 0]), "the third thing must be y"),
        (classifier(forward=lambda self, x, y: self.real(x)[:, 0]), "must return three things"),
        (
            classifier(forward=lambda self, x, y: (self.real(x)[:, 0], self.classes[0](x), y)),
            "a list with one tensor",
        ),
        (classifier(forward=lambda self, x, y: 1 / 0), "stops with ZeroDivisionError"),
    ],
)
def test_each_wrong_discriminator_gets_its_own_hint(capsys, answer, hint):
    verdict, words = says(capsys, checks.check_class_logits, answer)
    assert not verdict and hint in words


@pytest.mark.parametrize("answer", [classifier(), classifier(lambda v: v.log_softmax(1))])
def test_right_discriminators_pass(capsys, answer):
    verdict, words = says(capsys, checks.check_class_logits, answer)
    assert verdict and words.startswith("Right")


def test_the_patient_is_ill_and_the_solution_heals_it(lesson, capsys):
    (patient,), (*_, solution) = (
        cells("17", "repair"),
        [c for c in cells("17", "solution") if "Discriminator" in c.source],
    )
    names = lesson | {"check_class_logits": checks.check_class_logits}
    exec(patient.source, names)
    verdict, words = says(capsys, checks.check_class_logits, names["MyDiscriminator"])
    assert not verdict and "the softmax is still there" in words
    exec(solution.source, names)
    best = [torch.full((10, 10), -50.0).fill_diagonal_(50.0)]
    y = torch.arange(10)[:, None]
    fake = types.SimpleNamespace(body=lambda x: x, real=lambda h: h, classes=[lambda h: best[0]])
    for name, floor in (("MyDiscriminator", np.log(1 + 9 / np.e)), ("DiscriminatorSolution", 0.0)):
        _, class_logits, _ = names[name].forward(fake, torch.zeros(10, 1), y)
        assert lesson["class_loss"](class_logits, y).item() == pytest.approx(floor, abs=1e-4)


def test_stubs_say_what_is_to_do(capsys):
    names = {}
    exec("import torch\nfrom torch import nn\nfrom gan_edu.networks import mlp", names)
    (stub,) = (cell for cell in cells("17", "exercise") if "class MyGenerator" in cell.source)
    exec(stub.source, names)
    verdict, words = says(capsys, checks.check_conditional_generator, names["MyGenerator"])
    assert not verdict and "do not depend on y" in words


# ---- predictions


@pytest.mark.parametrize(
    "said, right, words",
    [
        (..., False, "down first"),
        (0.65, True, "it is 0.70"),
        (0.95, False, "too high"),
        (0.1, False, "too low"),
        (0.3, False, "the share of all the *others*"),
        (70, False, "write 0.7"),
        (-0.2, False, "cannot be one"),
    ],
)
def test_predictions_are_compared(said, right, words, capsys):
    assert check_prediction("the share", said, 0.7, tolerance=0.1) is right
    assert words in capsys.readouterr().out


def test_a_prediction_is_a_number():
    with pytest.raises(ValueError, match="predicted must be a finite number"):
        check_prediction("the share", "70 %", 0.7, tolerance=0.1)
