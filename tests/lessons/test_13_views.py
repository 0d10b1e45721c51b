"""The views of lesson 13: the drawing of a transposed convolution, the panel's picture, stored measurements."""

import functools
import json

import numpy as np
import pytest
import torch
from scipy.linalg import convolution_matrix

from gan_edu.datasets import latent_normal
from gan_edu.faces.grid import tile
from gan_edu.first_edition.plotting import new_figure
from gan_edu.first_edition.screen import Painter
from gan_edu.first_edition.training import GAN
from gan_edu.lessons import l13_dcgan_faces as face_views
from gan_edu.networks import DCGANDiscriminator, DCGANGenerator, init_dcgan_weights_


def face_gan(seed=0):
    return GAN(
        lambda: init_dcgan_weights_(DCGANGenerator(10, 2, 3, 16)), lambda: init_dcgan_weights_(DCGANDiscriminator(2, 3, 16)),
        lambda n, generator=None: torch.rand(n, 3, 16, 16, generator=generator) - 0.5,
        functools.partial(latent_normal, latent_dim=10), batch_size=4, seed=seed,
    )  # fmt: skip


# ---- the transposed convolution


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("k, padding", [(4, 1), (3, 0), (2, 0), (5, 2)])
def test_stamps_are_the_transposed_matrix_of_a_convolution(k, stride, padding):
    """Oracle: scipy's matrix of a convolution, rows left out for the stride, columns for the padding, transposed."""
    x, kernel = np.array([1.0, -2, 3]), np.arange(1.0, k + 1)
    n_out = (len(x) - 1) * stride - 2 * padding + k
    full = convolution_matrix(kernel[::-1], n_out + 2 * padding, mode="valid")[
        ::stride
    ]  # correlation, as torch has it
    wanted = full.T @ x
    drawn = face_views.draw_stamps(new_figure(6, 4).subplots(), x, kernel, stride, padding)
    np.testing.assert_allclose(drawn, wanted[padding : len(wanted) - padding])


def test_every_number_of_the_stamps_is_written_down():
    axes = new_figure(6, 4).subplots()
    face_views.draw_stamps(axes, (1, 2), (1, 3, 3, 1), stride=2, padding=1)
    written = [text.get_text() for text in axes.texts]
    stamps, sums = (
        ["1", "3", "3", "1", "2", "6", "6", "2"],
        ["1", "3", "5", "7", "6", "2"],
    )  # 3 + 2 and 1 + 6 overlap
    assert sorted(text for text in written if text.isdigit()) == sorted(["1", "2", *stamps, *sums])
    assert sum(patch.get_hatch() is not None for patch in axes.patches) == 2


def test_stamps_want_rows_of_numbers():
    axes = new_figure(6, 4).subplots()
    with pytest.raises(ValueError, match="x and kernel must be rows"):
        face_views.draw_stamps(axes, [[1, 2]], [1, 2])
    with pytest.raises(ValueError, match="padding must leave some of the 4 numbers, got 2"):
        face_views.draw_stamps(axes, [1, 2], [1, 2], padding=2)


# ---- the view


def test_the_view_shows_what_the_generator_makes_of_the_same_latents():
    gan, view = face_gan(), face_views.FacesView(rows=2, columns=3)
    for n_steps in (0, 2):
        for _ in range(n_steps):
            gan.step()
        view.update(gan)
        wanted = tile(gan.generate(gan.fixed_z(6)), 3)
        np.testing.assert_array_equal(view._grid.get_array()[..., :3], wanted)
        assert (view._grid.get_array()[..., 3] == 255).all()


def test_the_view_draws_losses_and_verdicts():
    gan, view = face_gan(), face_views.FacesView(rows=1, columns=2)
    seen = []
    for _ in range(3):
        gan.step()
        view.update(gan)
        seen.append(torch.sigmoid(gan.last_outputs["real"]).mean().item())
    np.testing.assert_allclose(view.losses.lines["g_loss"].get_ydata(), gan.history["g_loss"])
    np.testing.assert_allclose(view.verdicts.lines["real"].get_ydata(), seen, rtol=1e-6)
    assert view.verdicts.lines["fake_after"].get_xdata().tolist() == [1, 2, 3]
    after = view.verdicts.lines["fake_after"].get_ydata()[-1]
    assert after == pytest.approx(
        torch.sigmoid(gan.last_outputs["fake_after"]).mean().item(), rel=1e-6
    )


def test_without_a_new_step_nothing_is_generated_anew(monkeypatch):
    gan, view, calls = face_gan(), face_views.FacesView(rows=1, columns=2), []
    monkeypatch.setattr(
        gan, "generate", lambda z: calls.append(1) or torch.zeros(len(z), 3, 16, 16)
    )
    gan.step()
    for _ in range(3):
        view.update(gan)
    assert len(calls) == 1 and len(view.verdicts.lines["real"].get_xdata()) == 1
    gan.step()
    view.update(gan)
    assert len(calls) == 2
    gan.reset()  # another run, at step 0
    view.clear()
    view.update(gan)
    assert len(calls) == 3


def test_the_view_is_painted_and_not_blank():
    gan, view = face_gan(), face_views.FacesView(rows=2, columns=3)
    painter = Painter(view)
    pictures = [painter.jpeg(gan)]
    for _ in range(2):
        gan.step()
        pictures.append(painter.jpeg(gan))
    assert len(set(pictures)) == 3 and all(picture[:2] == b"\xff\xd8" for picture in pictures)
    gan.generate = lambda z: (
        torch.linspace(-1, 1, len(z)).reshape(-1, 1, 1, 1).expand(-1, 3, 16, 16)
    )
    gan.step()
    painter.jpeg(gan)
    pixels = np.asarray(view.figure.canvas.buffer_rgba())[..., :3]
    shades = {tuple(pixels[y, x]) for y in (130, 350) for x in (100, 300, 520)}
    assert len(shades) == 6  # a different grey for each of the six


def test_looking_changes_nothing():
    gans, view = (face_gan(), face_gan()), face_views.FacesView(rows=1, columns=2)
    for _ in range(4):
        view.update(gans[0])
        for gan in gans:
            gan.step()
    np.testing.assert_array_equal(gans[0].history["d_loss"], gans[1].history["d_loss"])


def test_the_description_says_what_is_seen():
    gan, view = face_gan(), face_views.FacesView(rows=2, columns=3)
    assert (
        view.describe(gan)
        == "A grid of 6 generated pictures before the first training step: noise."
    )
    gan.step()
    words = view.describe(gan)
    assert (
        "6 generated pictures after 1 steps" in words and f"{gan.history['g_loss'][0]:.2f}" in words
    )
    assert f"{torch.sigmoid(gan.last_outputs['real']).mean():.2f} on real" in words


def test_kept_curves_stay_as_ghosts_and_clear_empties_the_rest():
    gan, view = face_gan(), face_views.FacesView(rows=1, columns=2)
    gan.step()
    view.update(gan)
    view.keep()
    view.clear()
    assert (
        len(view.verdicts.ghosts["real"].get_xdata()) == 1
        and len(view.verdicts.lines["real"].get_xdata()) == 0
    )


def test_before_the_first_step_there_are_no_verdicts():
    assert all(np.isnan(value) for value in face_views.mean_verdicts(face_gan()).values())


# ---- stored measurements


def test_stored_measurements_are_read(tmp_path):
    runs = [
        {"raw": {"off": 0.1}, "averaged": {"off": 0.2}},
        {"raw": {"off": 0.3}, "averaged": {"off": 0.4}},
    ]
    (tmp_path / "stored.json").write_text(json.dumps({"runs": {"plain": runs}}))
    stored = face_views.load_recipes(tmp_path / "stored.json")
    assert face_views.outcomes(stored, "plain", "raw", "off") == [0.1, 0.3]
    assert face_views.outcomes(stored, "plain", "averaged", "off") == [0.2, 0.4]
