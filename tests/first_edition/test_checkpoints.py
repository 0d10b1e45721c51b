"""A checkpoint resumes exactly, survives a kill, and a bad file changes nothing."""

import copy
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
from test_training import assert_same_history, make_gan, make_picture_gan, make_wgan_gp
from torch import nn

from gan_edu.datasets import gaussian_1d, latent_uniform
from gan_edu.first_edition.checkpoints import (
    export_generator,
    load_checkpoint,
    load_generator,
    save_checkpoint,
)
from gan_edu.first_edition.training import GAN, Hyperparameters, adam, sgd
from gan_edu.losses import critic_loss, generator_loss_saturating
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, mlp


def dropout_gan(seed=0, optimizer=adam, width=8):
    def generator():
        return nn.Sequential(
            nn.Linear(1, width),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.BatchNorm1d(width),
            nn.Linear(width, 1),
        )

    return GAN(
        generator, lambda: mlp(1, 8, 1), gaussian_1d, latent_uniform, optimizer=optimizer, hparams=Hyperparameters(n_critic=2),
        seed=seed,
    )  # fmt: skip


def everything(gan):
    """Return the state as plain values that compare bit for bit."""

    def plain(value):
        if torch.is_tensor(value):
            return value.tolist()
        if isinstance(value, dict):
            return {key: plain(v) for key, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value

    return repr(plain(gan.state_dict()))


@pytest.mark.parametrize(
    "make", [
        make_gan, make_wgan_gp, dropout_gan, lambda seed=0: dropout_gan(seed, sgd),
        lambda seed=0: dropout_gan(seed, torch.optim.RMSprop), make_picture_gan,
        lambda seed=0: make_picture_gan(seed, precision=torch.float32, optimizer=torch.optim.Adam),
    ],
    ids=["1-D", "WGAN-GP", "dropout and BatchNorm", "SGD", "RMSprop", "pictures", "pictures, float32, torch's Adam"],
)  # fmt: skip
def test_going_on_from_a_file_is_like_never_having_stopped(tmp_path, make):
    whole = make(seed=3)
    whole.run(10)
    whole.hparams.lr_d = 0.003
    whole.g_loss = generator_loss_saturating if make is not make_wgan_gp else whole.g_loss
    whole.step_discriminator()
    save_checkpoint(tmp_path / "run.pt", whole)
    whole.run(10)

    resumed = make(seed=0)
    resumed.run(4)
    resumed.fixed_z(9)  # of another seed: must not stay
    assert load_checkpoint(tmp_path / "run.pt", resumed) is resumed
    assert len(resumed.history) == 11 and resumed.seed == 3
    resumed.run(10)
    assert_same_history(whole, resumed)
    assert everything(whole) == everything(resumed)
    assert whole.code() == resumed.code()
    torch.testing.assert_close(
        whole.generate(whole.fixed_z(9)), resumed.generate(resumed.fixed_z(9)), rtol=0, atol=0
    )
    whole.reset(), resumed.reset()
    whole.step(), resumed.step()
    assert_same_history(whole, resumed)


def test_a_checkpoint_before_the_first_step(tmp_path):
    save_checkpoint(tmp_path / "start.pt", make_gan(seed=5))
    whole, resumed = make_gan(seed=5), load_checkpoint(tmp_path / "start.pt", make_gan(seed=1))
    whole.run(5), resumed.run(5)
    assert_same_history(whole, resumed)


def test_the_file_does_not_follow_the_run(tmp_path):
    gan = make_gan()
    gan.run(3)
    state = gan.state_dict()
    kept = copy.deepcopy(state["generator"])
    gan.run(3)
    assert all(torch.equal(kept[name], value) for name, value in state["generator"].items())
    assert len(state["history"]) == 3


def test_after_loading_a_failed_step_is_undone_as_ever(tmp_path):
    source, gan = make_gan(seed=2), make_gan(seed=0)
    source.run(5), gan.run(3)
    save_checkpoint(tmp_path / "run.pt", source)
    load_checkpoint(tmp_path / "run.pt", gan)
    before = everything(gan)
    gan.g_loss = lambda logits: logits.mean() * float("nan")
    with pytest.raises(FloatingPointError):
        gan.step()
    gan.g_loss = source.g_loss
    assert everything(gan) == before


def test_an_interrupted_run_can_be_saved_and_goes_on(tmp_path):
    whole, broken = make_gan(), make_gan()
    whole.run(12)

    def stop(gan):
        if len(gan.history) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken.run(12, every=1, callback=stop)
    save_checkpoint(tmp_path / "run.pt", broken)
    resumed = load_checkpoint(tmp_path / "run.pt", make_gan())
    resumed.run(7)
    assert_same_history(whole, resumed)


def test_a_loss_of_the_notebook_is_found_by_its_name(tmp_path, monkeypatch):
    def my_loss(logits):
        return -logits.mean()

    my_loss.__module__, my_loss.__qualname__ = "__main__", "my_loss"
    gan = make_gan()
    gan.g_loss = my_loss
    gan.run(2)
    save_checkpoint(tmp_path / "run.pt", gan)
    fresh = make_gan()
    before = everything(fresh)
    with pytest.raises(
        ValueError, match="uses the function my_loss of __main__ as g_loss: define it first"
    ):
        load_checkpoint(tmp_path / "run.pt", fresh)
    assert everything(fresh) == before
    monkeypatch.setattr(sys.modules["__main__"], "my_loss", my_loss, raising=False)
    assert load_checkpoint(tmp_path / "run.pt", fresh).g_loss is my_loss


def test_a_name_from_a_foreign_module_is_not_looked_up(tmp_path):
    gan = make_gan()
    state = gan.state_dict()
    state["knobs"]["g_loss"] = "os:system"
    with pytest.raises(ValueError, match="define it first"):
        gan.load_state_dict(state)


KILLED = """
import sys; sys.path[:0] = {path!r}
from test_checkpoints import dropout_gan
from gan_edu.first_edition.checkpoints import save_checkpoint
gan = dropout_gan(width=3000)
gan.step()
save_checkpoint({file!r}, gan)
print("first", flush=True)
while True:
    save_checkpoint({file!r}, gan)
"""


def test_kill_during_a_save_leaves_the_old_file(tmp_path):
    here = str(pathlib.Path(__file__).parent)
    file, unfinished = tmp_path / "run.pt", []
    for delay in (0.0, 0.003, 0.011, 0.02, 0.05):
        code = KILLED.format(path=[here], file=str(file))
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "first\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        unfinished += [name for name in os.listdir(tmp_path) if name != "run.pt"]
        assert len(load_checkpoint(file, dropout_gan(width=3000)).history) == 1
    assert unfinished  # at least one of the five died while it was writing


def test_a_failed_save_leaves_nothing_behind(tmp_path, monkeypatch):
    gan = make_gan()
    save_checkpoint(tmp_path / "run.pt", gan)
    before = (tmp_path / "run.pt").read_bytes()

    def full(content, file):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(tmp_path / "run.pt", gan)
    assert os.listdir(tmp_path) == ["run.pt"] and (tmp_path / "run.pt").read_bytes() == before


class Boom:
    def __reduce__(self):
        return os.mkdir, ("boom",)


def truncated(file, share):
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


def flipped(file, share):
    data = bytearray(file.read_bytes())
    data[int(len(data) * share)] ^= 255
    file.write_bytes(data)


def rewritten(change):
    def rewrite(file):
        content = torch.load(file, weights_only=True)
        change(content)
        torch.save(content, file)

    return rewrite


BAD = {
    "empty": (lambda f: f.write_bytes(b""), "no checkpoint, or it is damaged"),
    "text": (lambda f: f.write_text("weights"), "no checkpoint, or it is damaged"),
    "a tenth": (lambda f: truncated(f, 0.1), "no checkpoint, or it is damaged"),
    "a half": (lambda f: truncated(f, 0.5), "no checkpoint, or it is damaged"),
    "all but the end": (lambda f: truncated(f, 0.999), "no checkpoint, or it is damaged"),
    "a picture": (lambda f: f.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500)), "no checkpoint, or it is damaged"),
    "another archive": (lambda f: zipfile.ZipFile(f, "w").writestr("a", "b"), "no checkpoint, or it is damaged"),
    "code in a pickle": (lambda f: f.write_bytes(pickle.dumps(Boom())), "no checkpoint, or it is damaged"),
    "code in a torch file": (lambda f: torch.save({"format": Boom()}, f), "no checkpoint, or it is damaged"),
    "a numpy file": (lambda f: np.save(f.open("wb"), np.ones(3)), "no checkpoint, or it is damaged"),
    "a tensor": (lambda f: torch.save(torch.ones(3), f), "not a checkpoint of a GAN"),
    "weights alone": (lambda f: torch.save(make_gan().generator.state_dict(), f), "not a checkpoint of a GAN"),
    "another format": (rewritten(lambda c: c.update(format="gan_edu checkpoint 99")), "not a checkpoint of a GAN"),
    "no history": (rewritten(lambda c: c["gan"].pop("history")), "history"),
    "no optimiser": (rewritten(lambda c: c["gan"].pop("d_optimizer")), "d_optimizer"),
    "a wrong column": (rewritten(lambda c: c["gan"].update(history=torch.ones(3, 2))), "6 columns"),
    "another width": (lambda f: save_checkpoint(f, dropout_gan()), "same generator|optimisers"),
    "another optimiser": (rewritten(lambda c: c["gan"].update(optimizers=["SGD", "SGD"])), "optimisers"),
    "a missing weight": (rewritten(lambda c: c["gan"]["generator"].popitem()), "same generator"),
    "a foreign weight": (rewritten(lambda c: c["gan"]["discriminator"].update(extra=torch.ones(1))), "same discriminator"),
    "an impossible knob": (rewritten(lambda c: c["gan"]["knobs"].update(lr_d=-1.0)), "lr_d must be"),
    "an unknown knob": (rewritten(lambda c: c["gan"]["knobs"].update(momentum=1.0)), "momentum"),
    "a broken random state": (rewritten(lambda c: c["gan"]["rng"].__setitem__(0, torch.ones(3, dtype=torch.uint8))), "fit"),
    "a broken optimiser": (rewritten(lambda c: c["gan"]["d_optimizer"].update(param_groups=[])), "fit"),
    "no counts": (rewritten(lambda c: c["gan"].pop("n_updates")), "n_updates"),
    "a strange count": (rewritten(lambda c: c["gan"]["n_updates"].update(generator=-1)), "generator must be"),
    "averaged weights": (rewritten(lambda c: c["gan"].update(averaged=c["gan"]["generator"])), "without averaged weights"),
    "a negative seed": (rewritten(lambda c: c["gan"].update(seed=-1)), "seed"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_says_what_is_wrong_and_changes_nothing(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spoil, words = BAD[kind]
    file = tmp_path / "run.pt"
    source = make_gan(seed=7)
    source.run(3)
    save_checkpoint(file, source)
    spoil(file)
    gan, alone = make_gan(seed=1), make_gan(seed=1)
    for one in (gan, alone):
        one.run(2)
        one.hparams.lr_g = 0.01
        one.step()
    before = everything(gan)
    with pytest.raises(ValueError, match=words):
        load_checkpoint(file, gan)
    assert everything(gan) == before and not (tmp_path / "boom").exists()
    gan.run(3), alone.run(3)
    assert_same_history(gan, alone)


def test_averaged_weights_that_are_missing_or_do_not_fit(tmp_path):
    gan, state = make_picture_gan(), make_picture_gan().state_dict()
    before = everything(gan)
    with pytest.raises(ValueError, match="state must be of a GAN with averaged weights"):
        gan.load_state_dict(state | {"averaged": None})
    weights = state["averaged"] | {"1.weight": torch.zeros(3)}
    with pytest.raises(ValueError, match=r"same averaged: 1.weight has shape \(3,\) there"):
        gan.load_state_dict(state | {"averaged": weights})
    assert everything(gan) == before


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8])
def test_one_flipped_byte_is_found(tmp_path, share):
    file = tmp_path / "run.pt"
    save_checkpoint(file, dropout_gan(width=300))
    flipped(file, share)
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(file, dropout_gan(width=300))


def test_bad_arguments(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load_checkpoint(tmp_path / "nothing.pt", make_gan())
    with pytest.raises(ValueError, match="folder that exists"):
        save_checkpoint(tmp_path / "nowhere" / "run.pt", make_gan())
    for call in (save_checkpoint, load_checkpoint):
        with pytest.raises(
            ValueError, match=r"gan must be a gan_edu.first_edition.training.GAN, got 3"
        ):
            call(tmp_path / "run.pt", 3)
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(tmp_path, make_gan())  # a folder


def test_critic_losses_are_held_by_name():
    gan = make_gan()
    gan.d_loss = critic_loss
    assert gan.state_dict()["knobs"]["d_loss"] == "gan_edu.losses:critic_loss"


# ---- a generator alone


def test_an_exported_generator_makes_the_same_pictures(tmp_path):
    gan = make_picture_gan(precision=torch.float32, hparams=Hyperparameters(lr_d=0.1, lr_g=0.1))
    gan.run(5)
    path = export_generator(tmp_path / "faces.pt", gan, seed=0, data="none")
    generator = load_generator(path)
    assert type(generator) is DCGANGenerator and generator.about == {"seed": 0, "data": "none"}
    assert not generator.training and not any(p.requires_grad for p in generator.parameters())
    assert {value.dtype for value in generator.state_dict().values()} == {
        torch.float32,
        torch.int64,
    }
    for name, value in generator.state_dict().items():  # the averaged weights, to half precision
        known = gan.averaged.state_dict()[name]
        assert torch.equal(
            value, known.half().to(known.dtype) if known.is_floating_point() else known
        )
    z = gan.fixed_z(20)
    torch.testing.assert_close(generator(z), gan.generate(z), atol=5e-3, rtol=0)
    assert not torch.allclose(generator(z), gan.generator.eval()(z), atol=5e-3)
    gan.ema = None
    gan.reset()
    loaded = load_generator(export_generator(tmp_path / "raw.pt", gan))
    torch.testing.assert_close(loaded(z), gan.generate(z), atol=5e-3, rtol=0)
    assert os.listdir(tmp_path) in (["faces.pt", "raw.pt"], ["raw.pt", "faces.pt"])


@pytest.mark.parametrize("width, most", [(16, 1e6), (32, 3e6)])
def test_an_exported_generator_is_small(tmp_path, width, most):
    gan = make_picture_gan(
        generator=lambda: DCGANGenerator(width=width), discriminator=lambda: DCGANDiscriminator(4)
    )
    path = export_generator(tmp_path / "faces.pt", gan)
    assert path.stat().st_size < most
    assert load_generator(path)(torch.zeros(1, 100)).shape == (1, 3, 64, 64)


def test_the_same_layers_written_by_hand_are_a_dcgan_too(tmp_path):
    gan = make_picture_gan(generator=lambda: nn.Sequential(*DCGANGenerator(4, 8, 3, 8)))
    assert load_generator(export_generator(tmp_path / "faces.pt", gan))(
        torch.zeros(2, 4)
    ).shape == (2, 3, 8, 8)


@pytest.mark.parametrize("make", [make_gan, lambda: make_picture_gan(generator=lambda: nn.Sequential(nn.Unflatten(1, (4, 1, 1)), nn.ConvTranspose2d(4, 3, 8)))])  # fmt: skip
def test_another_generator_is_not_exported(tmp_path, make):
    with pytest.raises(ValueError, match="gan must have a generator with the layers of"):
        export_generator(tmp_path / "faces.pt", make())
    assert os.listdir(tmp_path) == []


def test_weights_too_large_for_half_precision_are_not_exported(tmp_path):
    gan = make_picture_gan()
    with torch.no_grad():
        gan.averaged[1].weight.fill_(1e6)
    with pytest.raises(
        ValueError, match=r"whose 1.weight is not finite, or too large for half precision"
    ):
        export_generator(tmp_path / "faces.pt", gan)
    assert os.listdir(tmp_path) == []


BAD_GENERATORS = {
    "empty": (lambda f: f.write_bytes(b""), "no generator, or it is damaged"),
    "half": (lambda f: truncated(f, 0.5), "no generator, or it is damaged"),
    "a flipped byte": (lambda f: flipped(f, 0.5), "no generator, or it is damaged"),
    "code": (lambda f: torch.save({"format": Boom()}, f), "no generator, or it is damaged"),
    "a checkpoint": (
        lambda f: save_checkpoint(f, make_gan()),
        "not a generator written by export_generator",
    ),
    "other sizes": (rewritten(lambda c: c["sizes"].update(width=3)), "does not fit its sizes"),
    "impossible sizes": (
        rewritten(lambda c: c["sizes"].update(image_size=7)),
        "does not fit .* image_size must be",
    ),
    "unknown sizes": (rewritten(lambda c: c["sizes"].update(depth=7)), "does not fit its sizes"),
    "no sizes": (rewritten(lambda c: c.pop("sizes")), "does not fit its sizes"),
    "a missing weight": (rewritten(lambda c: c["weights"].popitem()), "does not fit its sizes"),
}


@pytest.mark.parametrize("kind", BAD_GENERATORS)
def test_a_bad_generator_file_says_what_is_wrong(tmp_path, kind, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spoil, words = BAD_GENERATORS[kind]
    file = export_generator(
        tmp_path / "faces.pt", make_picture_gan(generator=lambda: DCGANGenerator(4, 64, 3, 8))
    )
    spoil(file)
    with pytest.raises(ValueError, match=words):
        load_generator(file)
    assert not (tmp_path / "boom").exists()


def test_bad_arguments_of_a_generator_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no generator"):
        load_generator(tmp_path / "nothing.pt")
    with pytest.raises(
        ValueError, match=r"gan must be a gan_edu.first_edition.training.GAN, got 3"
    ):
        export_generator(tmp_path / "faces.pt", 3)
    with pytest.raises(ValueError, match="folder that exists"):
        export_generator(tmp_path / "nowhere" / "faces.pt", make_picture_gan())
