"""The picture of a GAN: five frames, turned in a real Chromium, several on one page."""

import pytest
from lab import chromium_page, needs_chromium

from gan_edu.diagram import LINES, gan_diagram


def test_five_lines_are_wanted():
    with pytest.raises(ValueError, match="lines must be 5 lines of code, got 2"):
        gan_diagram("a", "b")


@needs_chromium
def test_its_buttons_turn_it_and_each_frame_lights_its_parts():
    own = [f"line_{k} = x[{k} < 3]" for k in range(5)]
    with chromium_page(760, 1100) as page:
        page.set_content(gan_diagram().data + gan_diagram(*own).data)

        def lit(selector, name="first"):
            found = getattr(page.locator("body > figure"), name).locator(selector).all()
            visible = "e => getComputedStyle(e).opacity"
            return [one.text_content() for one in found if one.evaluate(visible) == "1"]

        boxes = {1: ["z", "G", "x_fake", "x_real"], 2: ["x_fake", "x_real", "D", "loss of D"]}
        boxes |= {3: ["D", "loss of D"]}
        boxes |= {4: ["z", "G", "x_fake", "D", "loss of G"], 5: ["G", "x_fake", "D", "loss of G"]}
        for k, names in boxes.items():
            page.locator("label").nth(k - 1).click()
            assert lit("g") == names and lit("code") == [LINES[k - 1]]
            assert len(lit("line.back")) == {3: 2, 5: 3}.get(k, 0)
            moves = {3: ["D moves"], 5: ["G moves"]}.get(k, [])
            assert sorted(lit("text.only")) == sorted(["✂"] * (k <= 3) + moves)
            assert page.locator("p:visible").count() == 2  # one of each picture
        assert lit("code", "last") == [own[0]]  # the other one has not turned
        page.keyboard.press("ArrowLeft")
        assert lit("code") == [LINES[3]]
