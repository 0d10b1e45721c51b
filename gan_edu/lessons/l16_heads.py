"""Lesson 16: the picture of the three places where a label enters the discriminator."""

from gan_edu.diagram import turned
from gan_edu.style import CRITIC, OPTIMAL, REAL

FRAMES = {  # what the button says, and what happens
    "joint": "The features h of the picture and the vector e(y) of the label go side by side through further layers, the head. "
    "D judges the <b>pair</b>.",
    "classifier": "D does not see y. One output says how real the picture is, ten others which digit it shows. "
    "The label enters through the <b>loss</b> only.",
    "inner product": "One linear layer judges the picture alone. The <b>inner product</b> of h and e(y), which has as "
    "many numbers as h here, says how well picture and label agree; the two results are added.",
}
LINES = (
    "D(x, y) = head(h and e(y), side by side)",
    "D(x) = linear(h);  c = linear_10(h);  class loss of c and y",
    "D(x, y) = linear(h) + ⟨h, e(y)⟩",
)
BOXES = (  # text, frames in which it is lit, x, y, width, colour
    ("x", "123", 10, 60, 46, REAL), ("body → h", "123", 96, 60, 96, CRITIC), ("y", "123", 10, 220, 46, OPTIMAL), ("e(y)", "13", 96, 220, 96, OPTIMAL),
    ("head", "1", 290, 10, 96, CRITIC), ("D(x, y)", "1", 540, 10, 90, CRITIC),
    ("linear", "2", 290, 70, 96, CRITIC), ("D(x)", "2", 540, 70, 90, CRITIC),
    ("linear, 10", "2", 290, 125, 96, CRITIC), ("class loss", "2", 540, 125, 90, OPTIMAL),
    ("linear", "3", 290, 190, 96, CRITIC), ("⟨h, e(y)⟩", "3", 290, 245, 96, CRITIC),
    ("+", "3", 450, 217, 36, CRITIC), ("D(x, y)", "3", 540, 217, 90, CRITIC),
)  # fmt: skip
FORWARD = (  # frames, from x, y to x, y
    ("123", 56, 80, 94, 80), ("13", 56, 240, 94, 240),
    ("1", 192, 74, 288, 34), ("1", 192, 232, 288, 42), ("1", 386, 30, 538, 30),
    ("2", 192, 82, 288, 90), ("2", 192, 88, 288, 140), ("2", 386, 90, 538, 90), ("2", 386, 145, 538, 145), ("2", 56, 234, 538, 156),
    ("3", 192, 92, 288, 204), ("3", 192, 96, 288, 258), ("3", 192, 244, 288, 268),
    ("3", 386, 210, 448, 230), ("3", 386, 265, 448, 244), ("3", 486, 237, 538, 237),
)  # fmt: skip
WORDS = (
    "Three discriminators. Joint: features of the picture and the label's vector go through further layers to D(x, y). "
    "Classifier: the features give D(x) and ten class logits, whose loss needs the label. Inner product: a linear layer's "
    "number and the inner product of features and label vector are added to D(x, y)."
)


def three_heads():
    """Return the picture, turned by three buttons."""
    return turned(FRAMES, LINES, (BOXES, FORWARD, (), ()), "0 0 640 295", WORDS)
