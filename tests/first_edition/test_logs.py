"""What TensorBoard will read, read back with TensorBoard's own reader; training with the log against training without."""

import dataclasses
import io
import json
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import IMAGES, SCALARS, EventAccumulator
from torch import nn

from gan_edu.first_edition import logs
from gan_edu.first_edition.logs import TensorBoardLog, show_tensorboard
from gan_edu.first_edition.training import GAN
from gan_edu.losses import critic_loss, generator_loss_wasserstein, gradient_penalty
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, init_dcgan_weights_, mlp

LATENT = 5
PICTURES = torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sample_pictures(n, generator):
    return PICTURES[torch.randint(len(PICTURES), (n,), generator=generator)]


def sample_latent(n, generator):
    return torch.randn(n, LATENT, generator=generator)


def make_gan(**options):
    return GAN(
        lambda: init_dcgan_weights_(DCGANGenerator(LATENT, 4, image_size=16)),
        # dropout and batch normalisation: random numbers and averages that a careless log would touch
        lambda: nn.Sequential(nn.Dropout(0.2), init_dcgan_weights_(DCGANDiscriminator(4, image_size=16))),
        sample_pictures, sample_latent, batch_size=8, **options,
    )  # fmt: skip


def make_small_gan(**options):
    return GAN(
        lambda: mlp(2, 8, 1), lambda: mlp(1, 8, 1), lambda n, generator: torch.randn(n, 1, generator=generator),
        lambda n, generator: torch.randn(n, 2, generator=generator), batch_size=8, **options,
    )  # fmt: skip


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0, IMAGES: 0})  # 0: all of them
    events.Reload()
    return events


def curve(events, tag):
    """Return {step: value} of a curve."""
    scalars = events.Scalars(tag)
    assert len({event.step for event in scalars}) == len(scalars)
    return {event.step: event.value for event in scalars}


def picture(event):
    return np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))


# --- what is written ------------------------------------------------------------------------------------------------


def test_every_step_of_the_history_is_written(tmp_path):
    gan = make_small_gan(penalty=gradient_penalty)
    gan.run(11, every=4, callback=TensorBoardLog(tmp_path, gan))  # called at 0, 4 and 8
    events = read(tmp_path)
    for tag, column in logs.CURVES.items():
        written = curve(events, tag)
        assert list(written) == list(range(1, 9)), tag
        assert list(written.values()) == np.float32(gan.history[column][:8]).tolist(), tag
    assert len({tuple(curve(events, tag).values()) for tag in logs.CURVES}) == len(logs.CURVES)


def test_what_did_not_happen_is_not_written(tmp_path):
    gan = make_small_gan()
    with TensorBoardLog(tmp_path, gan) as log:
        gan.step_discriminator()
        log(gan)
        gan.step_generator()
        log(gan)
        log(gan)  # nothing new
    events = read(tmp_path)
    assert "loss/penalty" not in events.Tags()["scalars"]
    assert curve(events, "loss/discriminator") == {1: np.float32(gan.history["d_loss"][0])}
    assert curve(events, "loss/generator") == {2: np.float32(gan.history["g_loss"][1])}


def test_a_log_can_begin_in_the_middle(tmp_path):
    gan = make_small_gan()
    gan.run(5)
    gan.run(4, every=2, callback=TensorBoardLog(tmp_path, gan))
    assert list(curve(read(tmp_path), "loss/generator")) == [6, 7, 8, 9]


@pytest.mark.parametrize("critic", [False, True])
def test_mean_outputs_of_the_discriminator(tmp_path, critic):
    losses = dict(d_loss=critic_loss, g_loss=generator_loss_wasserstein) if critic else {}
    gan, expected = make_small_gan(**losses), {}
    log = TensorBoardLog(tmp_path, gan)

    def note(gan):
        log(gan)
        outputs = {key: value.double().numpy() for key, value in gan.last_outputs.items()}
        expected[len(gan.history)] = {
            k: (v if critic else 1 / (1 + np.exp(-v))).mean() for k, v in outputs.items()
        }

    gan.run(6, every=3, callback=note)
    events = read(tmp_path)
    for key, name in (
        ("real", "D(x)"),
        ("fake", "D(G(z)) before"),
        ("fake_after", "D(G(z)) after"),
    ):
        found = curve(events, f"discriminator/{name}")
        assert list(found) == [3, 6]
        assert list(found.values()) == pytest.approx(
            [expected[step][key] for step in (3, 6)], rel=1e-5
        )
        assert all((0 < value < 1) for value in found.values()) or critic


def test_pictures_of_the_fixed_latents(tmp_path):
    gan, shown = make_gan(), {}
    log = TensorBoardLog(tmp_path, gan, n_images=11)

    def note(gan):
        log(gan)
        shown[len(gan.history)] = gan.generate(gan.fixed_z(11))

    gan.run(4, every=2, callback=note)
    events = read(tmp_path).Images("samples")
    assert [event.step for event in events] == [0, 2, 4]
    for event in events:
        page = picture(event)
        assert page.shape == (32, 128, 3) and (event.height, event.width) == (32, 128)
        for k, sample in enumerate(shown[event.step]):
            row, column = divmod(k, 8)
            cell = page[16 * row : 16 * row + 16, 16 * column : 16 * column + 16].astype(float)
            assert np.abs(cell - (sample.permute(1, 2, 0).numpy() + 1) * 127.5).max() <= 0.51
        assert not page[16:, 48:].any()  # black where there are no more
    assert (picture(events[0]) != picture(events[2])).any()


def test_grey_pictures_and_a_short_row():
    grey = torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4).repeat(3, 1, 1, 1)
    page = logs._grid(grey)
    assert page.shape == (3, 4, 12) and page.dtype == torch.uint8
    assert (
        (page[0] == page[2]).all()
        and page[0, 0, :4].tolist() == [0, 17, 34, 51]
        and page.max() == 255
    )
    assert torch.equal(page[:, :, :4], page[:, :, 8:])


def test_samples_that_are_no_pictures_are_left_out(tmp_path):
    gan = make_small_gan()
    TensorBoardLog(tmp_path, gan)(gan)
    assert read(tmp_path).Tags()["images"] == []
    gan = make_gan()
    TensorBoardLog(tmp_path / "none", gan, n_images=0)(gan)
    assert read(tmp_path / "none").Tags()["images"] == []


def shape_of(node):
    return [dim.size for dim in node.attr["_output_shapes"].list.shape[0].dim]


def test_both_graphs_with_the_right_inputs(tmp_path):
    gan = make_gan()
    TensorBoardLog(tmp_path, gan).close()
    assert not read(tmp_path).Tags()["graph"]
    inputs = {"generator": [2, LATENT], "discriminator": [2, 3, 16, 16]}
    outputs = {"generator": [2, 3, 16, 16], "discriminator": [2]}
    for player, layer in (("generator", "ConvTranspose2d"), ("discriminator", "Conv2d")):
        nodes = list(read(tmp_path / player).Graph().node)
        (start,) = [node for node in nodes if node.name.startswith("input/")]
        (end,) = [node for node in nodes if node.name.startswith("output/")]
        assert shape_of(start) == inputs[player] and shape_of(end) == outputs[player]
        convolutions = {node.name.split("/")[1] for node in nodes if f"/{layer}" in node.name}
        assert convolutions, sorted(node.name for node in nodes)[:20]


def test_quality_is_written(tmp_path):
    @dataclasses.dataclass
    class Quality:
        n: int
        frechet: float
        marginals: dict
        reference: str = "text is left out"

    def quality(gan):
        step = len(gan.history)
        return Quality(5, step + 0.5, {"smile": step / 10})

    gan = make_small_gan()
    gan.run(4, every=2, callback=TensorBoardLog(tmp_path, gan, quality=quality))
    events = read(tmp_path)
    assert curve(events, "quality/frechet") == {0: 0.5, 2: 2.5, 4: 4.5}
    assert curve(events, "quality/marginals/smile") == pytest.approx({0: 0, 2: 0.2, 4: 0.4})
    assert curve(events, "quality/n") == {0: 5, 2: 5, 4: 5}
    assert not any("reference" in tag for tag in events.Tags()["scalars"])
    gan.run(1, callback=TensorBoardLog(tmp_path / "dict", gan, quality=lambda gan: {"frechet": 3}))
    assert curve(read(tmp_path / "dict"), "quality/frechet") == {4: 3, 5: 3}


# --- the run is left alone ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [make_gan, make_small_gan])
def test_training_goes_on_as_without_the_log(tmp_path, make):
    def run(log):
        torch.manual_seed(5)
        gan = make(seed=3)
        gan.run(7, every=2, callback=TensorBoardLog(tmp_path, gan) if log else None)
        return gan, torch.rand(3)

    (plain, numbers), (logged, numbers_after) = run(False), run(True)
    assert plain.history._rows[:7].tobytes() == logged.history._rows[:7].tobytes()
    for player in ("generator", "discriminator"):
        for a, b in zip(
            getattr(plain, player).state_dict().values(),
            getattr(logged, player).state_dict().values(),
        ):
            assert torch.equal(a, b)
    assert logged.generator.training and logged.discriminator.training
    assert torch.equal(numbers, numbers_after)  # the learner's own random numbers too


def test_the_averages_of_batch_normalisation_stay(tmp_path):
    gan = make_gan()
    gan.run(2)
    before = {name: value.clone() for name, value in gan.generator.state_dict().items()}
    with TensorBoardLog(tmp_path, gan) as log:
        log(gan)
    assert any("running_mean" in name for name in before)
    assert all(
        torch.equal(value, before[name]) for name, value in gan.generator.state_dict().items()
    )


def test_pictures_are_of_the_averaged_weights(tmp_path):
    gan = make_gan(ema=0.9)
    gan.run(3, callback=TensorBoardLog(tmp_path, gan, n_images=1))
    page = picture(read(tmp_path).Images("samples")[-1])
    averaged = gan.averaged.eval()(gan.fixed_z(1))[0].permute(1, 2, 0).detach().numpy()
    assert np.abs(page - (averaged + 1) * 127.5).max() <= 0.51


# --- a second run in the same folder --------------------------------------------------------------------------------


def test_another_run_replaces_the_curves(tmp_path):
    for seed in (1, 2):
        gan = make_small_gan(seed=seed)
        with TensorBoardLog(tmp_path, gan) as log:
            gan.run(6, every=2, callback=log)
        time.sleep(1.1)  # event files are told apart by the second of their making
    events = read(tmp_path)
    assert (
        list(curve(events, "loss/generator").values()) == np.float32(gan.history["g_loss"]).tolist()
    )
    assert len(list((tmp_path / "generator").iterdir())) == 1


def test_a_reset_begins_the_curves_anew(tmp_path):
    gan = make_small_gan(seed=1)
    log = TensorBoardLog(tmp_path, gan)
    gan.run(6, every=2, callback=log)
    gan.reset(seed=2)
    time.sleep(1.1)
    gan.run(4, every=2, callback=log)
    found = curve(read(tmp_path), "loss/generator")
    assert list(found.values()) == np.float32(gan.history["g_loss"]).tolist() and len(found) == 4


# --- faults ---------------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_to(tmp_path):
    gan = make_small_gan()
    (tmp_path / "file").write_text("")
    for bad in (tmp_path / "file", tmp_path / "file" / "below", "/proc/none/here", 3, None):
        with pytest.raises(
            ValueError, match="log_dir must be a folder that can be written to, got"
        ):
            TensorBoardLog(bad, gan)
    TensorBoardLog(str(tmp_path / "new" / "below"), gan).close()
    assert (tmp_path / "new" / "below" / "generator").is_dir()


def test_a_folder_without_permission(tmp_path, monkeypatch):
    def refuse(self, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "touch", refuse)  # root may write anywhere
    with pytest.raises(
        ValueError,
        match=r"log_dir must be a folder that can be written to, got .*Permission denied",
    ):
        TensorBoardLog(tmp_path, make_small_gan())


def test_a_closed_log_says_so(tmp_path):
    gan = make_small_gan()
    with TensorBoardLog(tmp_path, gan) as log:
        gan.run(1, callback=log)
    log.close()  # twice is no harm
    with pytest.raises(ValueError, match="this log has been closed"):
        log(gan)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(gan="gan"), "gan must be a gan_edu.first_edition.training.GAN, got 'gan'"),
        (dict(n_images=-1), "n_images must be a whole number of at least 0, got -1"),
        (dict(quality=3), "quality must be a function such as .*, got 3"),
    ],
)
def test_bad_arguments_are_named(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        TensorBoardLog(tmp_path, **{"gan": make_small_gan(), **arguments})


def test_nothing_is_printed(tmp_path):
    code = f"""
import sys
sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
from test_logs import *
gan = make_gan()
TensorBoardLog({str(tmp_path)!r}, gan)(gan)
show_tensorboard({str(tmp_path)!r})
print("alive")
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert (found.returncode, found.stdout, found.stderr) == (
        0,
        "alive\n",
        "",
    )  # and the server ended with it


# --- the server -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    gan = make_small_gan()
    with TensorBoardLog(tmp_path / "my runs", gan) as log:
        gan.run(4, every=2, callback=log)
    return tmp_path / "my runs"


def get(view, path):
    with urllib.request.urlopen(f"http://localhost:{view.port}/{path}", timeout=30) as answer:
        return answer.read()


def test_the_server_shows_the_run(folder, monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    before = set(threading.enumerate())
    view = show_tensorboard(folder)
    deadline = time.monotonic() + 30
    while len(json.loads(get(view, "data/runs"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert sorted(json.loads(get(view, "data/runs"))) == [".", "discriminator", "generator"]
    assert b"loss/generator" in get(view, "data/plugin/scalars/tags")
    assert all(
        thread.daemon for thread in set(threading.enumerate()) - before
    )  # they don't hold up the end
    assert (
        view.url == f"http://localhost:{view.port}/"
        and view.command == f"tensorboard --logdir '{folder}'"
    )
    assert repr(view) == f"TensorBoard: {view.url} or, in a terminal: {view.command}"
    page = view._repr_html_()
    assert page.count(f'href="{view.url}"') == 1 and "<iframe" in page and " hidden>" in page
    assert show_tensorboard(str(folder)).port == view.port  # no second server


def test_on_a_hub_the_address_is_the_proxys(folder, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    view = show_tensorboard(folder)
    assert view.url == f"/user/ada/proxy/{view.port}/"


def test_busy_ports(folder, tmp_path, monkeypatch):
    from tensorboard import program

    seen = []

    def launch(board):
        seen.append(board.flags.port)
        if board.flags.port is None:
            raise program.TensorBoardServerException("ports 6006 to 6015 are in use")
        return "http://localhost:4321/"

    monkeypatch.setattr(program.TensorBoard, "launch", launch)
    assert logs._serve(tmp_path) == 4321 and seen == [None, 0]
    monkeypatch.setattr(program, "TensorBoardServerException", OSError)
    monkeypatch.setattr(program.TensorBoard, "launch", lambda board: open("/none/there"))
    with pytest.raises(OSError, match="TensorBoard found no free port"):
        logs._serve(tmp_path)


@pytest.mark.parametrize("bad", ["nowhere", 3, None])
def test_a_folder_that_is_not_there(bad):
    with pytest.raises(
        ValueError, match="log_dir must be a folder that a TensorBoardLog has written, got"
    ):
        show_tensorboard(bad)


def test_no_warning_reaches_the_learner(tmp_path):
    gan = make_gan()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with TensorBoardLog(tmp_path, gan) as log:
            gan.run(2, callback=log)
