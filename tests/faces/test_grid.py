"""Many pictures as one."""

import numpy as np
import pytest
import torch

from gan_edu.faces.grid import tile


def test_a_grid_has_each_picture_in_its_place():
    images = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 3, 2, 4) * 40
    page = tile(images, columns=3, gap=1)
    assert page.shape == (5, 14, 3) and page.dtype == np.uint8
    for k in range(5):
        top, left = k // 3 * 3, k % 3 * 5
        assert (page[top : top + 2, left : left + 4] == 40 * k).all()
    assert (page[2] == 255).all() and (page[:, 4] == 255).all()  # gaps
    assert (page[3:, 10:] == 255).all()  # where a sixth would be


@pytest.mark.parametrize("value, byte", [(-1.0, 0), (1.0, 255), (0.0, 128), (-3.0, 0), (7.0, 255)])
def test_floats_become_bytes(value, byte):
    assert (tile(torch.full((1, 3, 2, 2), value)) == byte).all()


def test_bytes_come_back_from_their_floats():
    images = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8)
    np.testing.assert_array_equal(tile(images), tile(images.float() / 127.5 - 1))


def test_grey_pictures_have_three_equal_colours():
    page = tile(torch.rand(3, 1, 4, 4), columns=2)
    assert (page == page[..., :1]).all() and page.shape == (10, 10, 3)


@pytest.mark.parametrize(
    "images", [torch.zeros(3, 8, 8), torch.zeros(2, 4, 8, 8), torch.zeros(0, 3, 8, 8)]
)
def test_a_grid_wants_pictures(images):
    with pytest.raises(ValueError, match=r"images must have shape \(n, 3, h, w\)"):
        tile(images)
    with pytest.raises(ValueError, match="columns must be a whole number"):
        tile(torch.zeros(2, 3, 8, 8), columns=0)
