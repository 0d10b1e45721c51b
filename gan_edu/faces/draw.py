"""Procedural faces: colour portraits with known attributes, thousands in a second.

A face is about one high and one wide around its centre, x to the right, y down. It is painted from back to front, one
function per feature, many faces at once. The numbers of a face are the next DRAWS of numpy's PCG64(seed), and all that
is done with them are sums, products, quotients, roundings and comparisons of single numbers, which every processor
computes alike to the last digit, unlike sines and matrix products: a seed gives the same bytes everywhere.
"""

import copy
import numbers
from types import SimpleNamespace

import numpy as np
import torch

from gan_edu._arguments import check_count

ATTRIBUTES = {  # the names of the values; a label is an index into them
    "smile": ("no", "yes"),
    "glasses": ("no", "yes"),
    "beard": ("no", "yes"),
    "hair_colour": ("black", "brown", "blond", "red", "grey"),
    "hair_style": ("shaved", "short", "fringe", "parted", "long", "curly", "bun"),
    "skin": ("very light", "light", "medium", "tan", "brown", "dark"),
}
PROBABILITIES = {  # of these values; the attributes are independent of each other
    "smile": (0.5, 0.5),
    "glasses": (0.7, 0.3),
    "beard": (0.75, 0.25),
    "hair_colour": (0.25, 0.25, 0.2, 0.15, 0.15),
    "hair_style": (0.1, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15),
    "skin": (1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 1 / 6),
}

# fmt: off
RANGES = {  # of the other numbers of a face, uniform between two limits; drawn after the attributes, in this order
    # pose and light: -1 comes from the left, 1 from the right
    "shift_x": (-0.06, 0.06), "shift_y": (-0.02, 0.08), "scale": (1.06, 1.24), "roll": (-0.12, 0.12),
    "turn": (-0.07, 0.07), "light": (-1, 1),
    # head
    "head_width": (0.44, 0.51), "head_height": (0.56, 0.62), "jaw": (0, 0.35), "square": (0, 0.45), "ear": (0.09, 0.12),
    "blush": (0, 0.4), "folds": (0, 0.5), "neck": (0.2, 0.26),
    # eyes and brows
    "eye_x": (0.19, 0.225), "eye_y": (-0.06, 0), "eye_width": (0.09, 0.115), "eye_height": (0.05, 0.075),
    "eye_tilt": (-0.12, 0.12), "iris": (0.044, 0.056), "gaze_x": (-0.03, 0.03), "gaze_y": (-0.014, 0.014),
    "lashes": (0.01, 0.024), "brow_width": (0.1, 0.135), "brow": (0.012, 0.032), "brow_y": (0.105, 0.15),
    "brow_arch": (0.005, 0.05), "brow_slope": (-0.2, 0.2),
    # nose and mouth
    "nose_y": (0.15, 0.2), "nose_width": (0.055, 0.085), "nose_length": (0.12, 0.2), "mouth_y": (0.315, 0.36),
    "mouth_width": (0, 1), "mouth_curve": (0, 1), "mouth_open": (0, 1), "lip": (0.016, 0.034), "lip_red": (0, 1),
    # hair and beard
    "hair_volume": (0.05, 0.12), "hairline": (-0.4, -0.32), "sideburns": (0.1, 0.26), "parting": (-0.4, 0.4),
    "hair_length": (0.6, 1.2), "strands": (5, 9), "strand_phase": (0, 1), "beard_edge": (0.21, 0.31),
    "beard_length": (0, 0.1), "beard_depth": (0.7, 0.97), "goatee": (0, 1),
    # glasses, earrings, clothes, background
    "lens_width": (0.145, 0.175), "lens_height": (0.11, 0.15), "lens_square": (0, 0.8), "rim": (0.014, 0.024),
    "tint": (0, 1), "frame_hue": (0, 1), "frame_value": (0, 1), "earrings": (0, 1), "shoulders": (0.66, 0.78),
    "neckline": (0, 0.35), "collar": (0, 1), "stripes": (0, 1), "shirt_hue": (0, 1), "shirt_saturation": (0.1, 0.8),
    "shirt_value": (0.25, 0.95), "back_hue": (0, 1), "back_saturation": (0.1, 0.5), "back_value": (0.55, 0.97),
    "back_change": (-0.1, 0.1), "back_x": (-0.5, 0.5), "back_y": (-0.5, 0.5),
    # colours
    "skin_light": (0.95, 1.04), "skin_warmth": (-0.025, 0.025), "hair_light": (0.85, 1.15),
    "hair_warmth": (-0.03, 0.03), "iris_hue": (0, 1),
}
DRAWS = 96  # numbers per face, more than are used: a new one at the end of RANGES leaves the others as they are

CUTS = {  # of each hair style: what `_shape_hair` and `_hair` are to do
    # extra volume, growth of the outline, its rise above the head, drop of the fringe, its bend at the temples, its
    # slant, closeness to the ears, length of the sideburns, curls, length below the head
    "shaved": dict(volume=0, grow=-.1, rise=0, drop=0, temple=.5, slant=0, hug=.1, burn=0, curl=0, length=0),
    "short": dict(volume=.5, grow=0, rise=0, drop=0, temple=.5, slant=0, hug=.35, burn=0, curl=0, length=0),
    "fringe": dict(volume=1, grow=0, rise=0, drop=.15, temple=.2, slant=0, hug=.15, burn=.1, curl=0, length=0),
    "parted": dict(volume=1, grow=0, rise=0, drop=.02, temple=.5, slant=.55, hug=.3, burn=0, curl=0, length=0),
    "long": dict(volume=1, grow=.06, rise=0, drop=-.1, temple=0, slant=0, hug=0, burn=9, curl=0, length=1),
    "curly": dict(volume=1.2, grow=.12, rise=.1, drop=.02, temple=.3, slant=0, hug=0, burn=.2, curl=1, length=0),
    "bun": dict(volume=.3, grow=0, rise=0, drop=-.03, temple=.45, slant=0, hug=.35, burn=-.05, curl=0, length=0),
}

HAIR = np.array([[0.11, 0.09, 0.11], [0.40, 0.23, 0.13], [0.91, 0.72, 0.38], [0.74, 0.30, 0.11], [0.72, 0.73, 0.77]])
SKIN = np.array([[252, 222, 200], [240, 196, 160], [217, 164, 122], [176, 120, 80], [132, 84, 54], [90, 56, 38]]) / 255
IRIS = np.array([[0.30, 0.17, 0.08], [0.22, 0.45, 0.70], [0.25, 0.48, 0.28], [0.45, 0.40, 0.34], [0.55, 0.36, 0.12]])
WHITE, IVORY, BLACK, GOLD, THROAT = torch.tensor([  # RGB, as all colours here
    [1, 1, 1], [0.97, 0.96, 0.93], [0.04, 0.04, 0.04], [0.98, 0.85, 0.45], [0.26, 0.06, 0.07]])[..., None, None]
# fmt: on


def make_faces(n, seed=0, size=64, **attributes):
    """Return n faces in colour and their true labels: images uint8 (n, 3, size, size), labels {name: int64 (n,)}.

    ATTRIBUTES has the names of the labels and of their values, PROBABILITIES how often each value comes. An attribute
    can be fixed by name or number, for all faces or for each: make_faces(2, smile=1, hair_colour=["red", "grey"]). Face
    k of a seed is the same person whatever is fixed, whatever n is and, drawn more or less sharply, whatever the size
    is. ValueError for an unknown attribute or value, n < 1, seed < 0, size < 8.
    """
    n, seed = check_count("n", n), check_count("seed", seed, least=0)
    size = check_count("size", size, least=8)
    fixed = {name: _fixed_labels(name, value, n) for name, value in attributes.items()}
    rng = np.random.Generator(np.random.PCG64(seed))
    images = torch.empty(n, 3, size, size, dtype=torch.uint8)
    labels = {name: torch.empty(n, dtype=torch.int64) for name in ATTRIBUTES}
    together = max(1, 2**17 // size**2)  # more make fewer calls, but leave the processor's cache
    for start in range(0, n, together):
        part, few = slice(start, start + together), min(together, n - start)
        face = _draw(rng, few, {name: value[part] for name, value in fixed.items()})
        images[part] = _paint(face, size)
        for name in labels:
            labels[name][part] = face.labels[name]
    return images, labels


def _fixed_labels(name, value, n):
    """Return the labels (n,) that a user gave for the attribute as numbers or names, one or one per face."""
    if name not in ATTRIBUTES:
        raise ValueError(f"{name!r} is no attribute of faces; there are {', '.join(ATTRIBUTES)}")
    names = ATTRIBUTES[name]
    values = value.tolist() if hasattr(value, "tolist") else value
    values = values if isinstance(values, list | tuple) else [values] * n
    if len(values) != n:
        raise ValueError(f"{name} must be one value, or one for each of {n}, got {len(values)}")
    labels = [names.index(one) if one in names else one for one in values]
    for given in labels:
        if not isinstance(given, numbers.Integral) or not 0 <= given < len(names):
            possible = ", ".join(f"{label} or {name!r}" for label, name in enumerate(names))
            raise ValueError(f"{name} must be {possible}, got {given!r}")
    return np.array(labels, dtype=np.int64)


def _draw(rng, n, fixed):
    """Return the next n faces: `labels` {name: (n,)}, and as float32 lengths (n, 1, 1) and colours (n, 3, 1, 1)."""
    draws = rng.random((n, DRAWS)).T
    labels = {}
    for (name, values), draw in zip(PROBABILITIES.items(), draws):
        labels[name] = fixed.get(name, np.searchsorted(np.cumsum(values)[:-1], draw, side="right"))
    low, high = np.array(list(RANGES.values())).T[:, :, None]
    number = dict(zip(RANGES, low + (high - low) * draws[len(labels) : len(labels) + len(RANGES)]))
    colours = _colours(number, labels)
    style = labels["hair_style"]
    cuts = np.array([list(cut.values()) for cut in CUTS.values()])
    number |= dict(zip(CUTS["long"], cuts[style].T))
    number |= {name: style == ATTRIBUTES["hair_style"].index(name) for name in ("shaved", "bun")}
    number |= {name: labels[name] for name in ("smile", "glasses", "beard")}
    face = SimpleNamespace(labels={k: torch.from_numpy(value) for k, value in labels.items()})
    for some in (number, colours):
        values = torch.from_numpy(np.stack(list(some.values())).astype(np.float32))
        vars(face).update(zip(some, values[..., None, None]))
    return face


def _colours(number, labels):
    """Return the colours of the faces' parts, {name: (n, 3)} from 0 to 1."""
    column = {name: value[:, None] for name, value in number.items()}
    warm_skin, warm_hair = np.array([0.5, 0, -1]), np.array([1, 0, -0.5])
    skin = SKIN[labels["skin"]] * column["skin_light"] + column["skin_warmth"] * warm_skin
    hair = HAIR[labels["hair_colour"]] * column["hair_light"] + column["hair_warmth"] * warm_hair
    red = column["lip_red"]
    lips = skin * (1 - np.array([0.10, 0.36, 0.34]) * (0.5 + 0.7 * red))
    lips = lips + np.array([0.12, 0, 0.02]) * red
    shirt = _hsv(number["shirt_hue"], number["shirt_saturation"], number["shirt_value"])
    hue, saturation, value = number["back_hue"], number["back_saturation"], number["back_value"]
    frame = number["frame_value"]
    colours = {
        "skin": skin,
        "skin_shade": skin * np.array([0.74, 0.66, 0.64]),
        "skin_dark": skin * np.array([0.50, 0.42, 0.40]),
        "skin_bright": skin + (1 - skin) * 0.3,
        "cheeks": skin * np.array([1.0, 0.70, 0.66]) + np.array([0.04, 0, 0]),
        "hair_colour": hair,
        "hair_dark": hair * 0.55,
        "hair_bright": hair + (1 - hair) * 0.22 * (0.4 + hair),
        "beard_colour": hair * 0.8 + skin * 0.04,
        "lips": lips,
        "lips_dark": lips * 0.78,
        "iris_colour": IRIS[(number["iris_hue"] * len(IRIS)).astype(int)],
        "shirt": shirt,
        "shirt_dark": shirt * 0.68,
        "collar_colour": 1 - 0.75 * (1 - shirt),
        "back": _hsv(hue, saturation, value),
        "back_far": _hsv(hue + number["back_change"], saturation * 1.2, value * 0.7),
        "frame": _hsv(number["frame_hue"], 0.6 * frame, 0.08 + 0.5 * frame * frame * frame),
    }
    return {name: np.clip(colour, 0, 1) for name, colour in colours.items()}


def _hsv(hue, saturation, value):
    """Return RGB colours (n, 3) from hue (in turns, red 0, green 1/3), saturation and value (n,)."""
    turn = (np.array([5.0, 3.0, 1.0]) + hue[:, None] * 6) % 6
    return value[:, None] * (1 - saturation[:, None] * np.clip(np.minimum(turn, 4 - turn), 0, 1))


class _Canvas:
    """Pictures of n faces, or a part of them, and what is known of their pixels.

    image (n, 3, height, width) from 0 to 1; page_x (1, 1, width) and page_y (1, height, 1) from -1 to 1; x and y
    (n, height, width) in the head's units, moved with it; pixel (n, 1, 1), the size of a pixel in these units.
    """

    def __init__(self, face, size):
        line = (torch.arange(size) + 0.5) * (2 / size) - 1
        self.page_x, self.page_y = line[None, None, :], line[None, :, None]
        self.image, self.pixel = torch.empty(len(face.scale), 3, size, size), 2 / size / face.scale
        half = face.roll * 0.5  # the tangent of half the angle
        sin = 2 * half / (1 + half * half) / face.scale
        cos = (1 - half * half) / (1 + half * half) / face.scale
        x, y = self.page_x - face.shift_x, self.page_y - face.shift_y
        self.x, self.y = cos * x + sin * y, cos * y - sin * x

    def part(self, left, right, top, bottom):
        """Return the part between these limits of the page, and a pixel more; painting on it paints on the whole."""
        size = self.image.shape[-1]
        cut = [int((edge + 1) * size / 2) for edge in (top, bottom, left, right)]
        window = slice(max(cut[0] - 1, 0), cut[1] + 2), slice(max(cut[2] - 1, 0), cut[3] + 2)
        view = copy.copy(self)
        for name, value in vars(self).items():
            rows, columns = (slice(1) if n == 1 else w for w, n in zip(window, value.shape[-2:]))
            setattr(view, name, value[..., rows, columns])
        return view

    def paint(self, mask, colour, second=None, mix=None):
        """Cover with `colour` where `mask` is 1; with `second`, it changes over into that where `mix` is 1."""
        if second is not None:
            colour = (second - colour) * mix[:, None] + colour
        self.image += (colour - self.image).mul_(mask[:, None])

    def inside(self, distance, blur=0.0):
        """Return 1 where the distance is negative, 0 where it is positive; the edge is one pixel and `blur` wide."""
        return (distance * (-1 / (self.pixel + blur))).add_(0.5).clamp_(0, 1)

    def stroke(self, distance, half_width, blur=0.0):
        """Return a line along distance 0; one that is thinner than a pixel is drawn fainter instead."""
        drawn = (self.pixel * 0.5).clamp(min=half_width)
        return self.inside(distance.abs() - drawn, blur).mul_(half_width / drawn)

    def ellipse(self, x, y, width, height, blur=0.0):
        """Return 1 within the ellipse with these half axes around x = y = 0."""
        distance = (_squares(x, y, width, height) - 1).mul_(width * height / (width + height))
        return self.inside(distance, blur)


def _squares(x, y, width, height):
    return (x * (1 / width)).square_() + (y * (1 / height)).square_()


def _spot(x, y, width, height):
    """Return a soft spot: 1 at x = y = 0, 0 beyond these half axes."""
    return (1 - _squares(x, y, width, height)).clamp_(min=0)


def _wave(x):
    """Return a wave like sin(2πx), made of parabolas."""
    x = (x - x.floor()).sub_(0.5)
    return x.abs().mul_(16).sub_(8).mul_(x)


@torch.inference_mode()  # a tenth faster
def _paint(face, size):
    """Return the pictures of the faces, uint8 (n, 3, size, size)."""
    page = _Canvas(face, size)
    _shape_head(page, face)
    _shape_hair(page, face)
    _background(page, face)
    page.paint(page.inside(page.hair) * face.length, face.hair_colour * 0.65)  # behind the head
    _clothes(page.part(-1, 1, 0.25, 1), face)
    _ears(page.part(-0.84, 0.84, -0.24, 0.46), face)
    _head(page.part(-0.72, 0.72, -0.82, 0.88), face)
    _cheeks(page.part(-0.68, 0.68, 0, 0.54), face)
    _nose(page.part(-0.37, 0.37, -0.17, 0.43), face)
    _beard(page.part(-0.8, 0.8, -0.22, 1), face)
    _mouth(page.part(-0.5, 0.5, 0.15, 0.85), face)
    _hair_shadow(page.part(-0.75, 0.75, -0.84, 0.84), face)
    _eyes(page.part(-0.65, 0.65, -0.36, 0.34), face)
    _brows(page.part(-0.67, 0.67, -0.43, 0.1), face)
    _bun(page.part(-0.5, 0.5, -1, -0.44), face)
    _hair(page, face)
    _glasses(page.part(-0.81, 0.81, -0.38, 0.38), face)
    return page.image.mul_(255).add_(0.5).to(torch.uint8)


def _background(c, face):
    glow = 1 / (1 + c.page_x.square() + (c.page_y - 0.1).square())
    mix = (c.page_x * face.back_x + c.page_y * face.back_y) + (1.05 - glow)
    torch.mul(face.back_far - face.back, mix.clamp_(0, 1)[:, None], out=c.image).add_(face.back)


def _clothes(c, face):
    x, y = c.page_x - face.shift_x, c.page_y
    ax = x.abs()
    shoulder = face.shoulders + 0.55 * ax * ax
    shade = ((ax - 0.35) * 0.7 - x * (face.light * 0.3) + (y - 0.8) * 0.6).clamp_(0, 1)
    cloth = c.inside(shoulder - y)
    c.paint(cloth, face.shirt, face.shirt_dark, shade)
    stripes = c.inside(_wave(y * 5 + ax * 0.3).mul_(0.05), 0.02) * cloth
    c.paint(stripes * ((face.stripes < 0.25) * 0.7), face.collar_colour, face.shirt_dark, shade)
    neck = face.neck * face.scale
    line = face.shoulders + 0.1 + face.neckline - ax * (face.neckline / neck)
    edge = torch.maximum(ax - neck, y - line)
    collar = c.inside(torch.maximum(edge - 0.05, shoulder - 0.05 - y)) * (face.collar < 0.6)
    c.paint(collar, face.collar_colour, face.shirt_dark, shade)
    under_chin = ((0.86 * face.scale + face.shift_y - y) * 5 - 0.5).clamp_(0, 1)
    shade = (under_chin + (ax / neck - 0.4) * 0.6 - x * (face.light * 0.8)).clamp_(0, 1)
    c.paint(c.inside(edge), face.skin, face.skin_shade, shade)


def _ears(c, face):
    x, y = c.x.abs() - face.head_width, c.y - 0.04
    shade = (0.4 - c.x * face.light).clamp_(0, 1)
    c.paint(c.ellipse(x, y, face.ear * 0.85, face.ear * 1.25), face.skin, face.skin_shade, shade)
    c.paint(c.ellipse(x - 0.012, y, face.ear * 0.45, face.ear * 0.8, 0.03) * 0.7, face.skin_dark)
    c.paint(c.ellipse(x - 0.01, y - face.ear * 1.35, 0.028, 0.028) * (face.earrings < 0.25), GOLD)


def _shape_head(c, face):
    """Add `head`, the distance to the head's outline, negative within: an ellipse, more or less square, with a jaw."""
    low = c.y.clamp(min=0)
    a = (low * (low + 0.4) * face.jaw + 1).mul_(c.x).mul_(1 / face.head_width).square_()
    b = (c.y * (1 / face.head_height)).square_()
    square = (a * b).clamp_(max=1).mul_(-face.square)
    c.head = square.add_(a).add_(b).sub_(1).mul_(face.head_width * 0.5)


def _head(c, face):
    shade = (c.head * (1.8 / face.head_width) + 0.4 - c.x * (face.light * 0.9)).clamp_(0, 1)
    c.paint(c.inside(c.head), face.skin, face.skin_shade, shade)
    forehead = _spot(c.x - face.light * 0.1, c.y + 0.28, 0.25, 0.16)
    c.paint(forehead * 0.35, face.skin_bright)


def _cheeks(c, face):
    x = (c.x - face.turn).abs()
    c.paint(_spot(x - 0.27, c.y - 0.17, 0.15, 0.12) * face.blush, face.cheeks)
    fold = c.stroke(x - 0.13 - (c.y - 0.2) * 0.45, 0.006, 0.02)  # from the nose to the mouth
    fold = fold * _spot(x - 0.15, c.y - 0.24, 0.15, 0.09)
    c.paint(fold * (face.folds * (0.4 + 0.6 * face.smile)), face.skin_dark)


def _nose(c, face):
    x, y = c.x - face.turn * 1.4, c.y - face.nose_y
    ax, shine = x.abs(), x - face.light * 0.012
    bridge = c.stroke(y + face.nose_length * 0.5, face.nose_length * 0.5, 0.06)
    shade = c.stroke(x + face.light * 0.05, 0.03, 0.03) * bridge * (face.light.abs() * 0.45)
    c.paint(shade, face.skin_shade)
    c.paint(_spot(x, y + 0.01, face.nose_width * 1.5, 0.075) * 0.35, face.skin_shade)
    spots = _spot(shine, y + 0.035, 0.05, 0.05) * 0.8, _spot(shine, y + 0.11, 0.028, 0.1) * 0.35
    c.paint(torch.maximum(*spots), face.skin_bright)
    tip = c.stroke(y - 0.028 + ax * ax * 4, 0.009, 0.012) * c.inside(ax - face.nose_width, 0.02)
    nostrils = c.ellipse(ax - face.nose_width * 0.5, y - 0.014, 0.02, 0.013, 0.012)
    c.paint(torch.maximum(tip, nostrils) * 0.7, face.skin_dark)


def _mouth_lines(c, face):
    """Return x from the middle of the mouth, its half width, its fullness (1 there, 0 at the corners), its gap, and the
    distances above the gap's upper and below its lower edge."""
    smile, plain, x = face.smile, 1 - face.smile, c.x - face.turn * 1.1
    width = smile * (0.18 + 0.06 * face.mouth_width) + plain * (0.11 + 0.05 * face.mouth_width)
    curve = smile * (0.075 + 0.05 * face.mouth_curve) + plain * (-0.035 + 0.04 * face.mouth_curve)
    # three smiles in four show teeth, one of the other mouths in six is a little open
    teeth = smile * (face.mouth_open - 0.25).clamp(min=0) * 0.11
    gap = teeth + plain * (face.mouth_open - 0.83).clamp(min=0) * 0.22
    full = 1 - (x * (1 / width)).square_()
    y = c.y - (face.mouth_y - curve * 0.5)
    return x, width, full, gap, full * (curve - gap * 0.35) - y, y - full * (curve + gap * 0.9)


def _mouth(c, face):
    x, width, full, gap, above, below = _mouth_lines(c, face)
    full, ends = full.clamp_(0, 1), c.inside(x.abs() - width, 0.02)
    under_lip = _spot(x, below - face.lip * 1.3 - 0.045, 0.11, 0.035)
    c.paint(under_lip * 0.5, face.skin_shade)
    bow = face.lip * (0.9 + 0.25 * (x.abs() * 25).clamp_(0, 1))  # the upper lip dips in the middle
    lips = c.inside(torch.maximum(above - full * bow, below - full * (face.lip * 1.3))) * ends
    c.paint(lips, face.lips, face.lips_dark, (above * 90 + 0.5).clamp_(0, 1))
    shine = _spot(x - face.light * 0.02, below - face.lip * 0.5, 0.05, 0.018)
    c.paint(shine * 0.35, face.skin_bright)
    line = torch.maximum(above, below)
    opening = c.inside(line) * ends * (gap > 0)
    teeth = c.inside(-above - full * (gap * 0.75)) * face.smile  # the upper ones
    c.paint(opening, THROAT, IVORY, teeth)
    c.paint(c.stroke(line, 0.008) * ends * ((gap <= 0) * 0.8), face.lips_dark * 0.45)


def _beard(c, face):
    x, width, full, _, above, _ = _mouth_lines(c, face)
    ax = x.abs()
    longer = face.beard_length * face.head_width * 1.5  # than the chin
    head = c.head - (c.y * longer).clamp_(min=0)
    cheek = face.beard_edge - c.y - (ax - 0.13).clamp_(min=0).square_() * 1.6
    round_chin = _squares(ax, c.y - 0.47, 0.19, 0.22).sub_(1).mul_(0.1)
    round_chin = round_chin.sub_((face.goatee > 0.35) * 9)
    chin = c.inside(torch.maximum(torch.maximum(cheek, round_chin), head), 0.05)
    lips = torch.maximum((above + 0.02).abs() - 0.01 - full.clamp(min=0) * 0.045, ax - width - 0.01)
    moustache = torch.maximum((above - 0.052 - ax * ax * 0.3).abs() - 0.034, ax - width - 0.02)
    mask = torch.maximum(chin * (1 - c.inside(lips, 0.02)), c.inside(moustache, 0.02))
    mix = (_wave(c.x * 11 + c.y * 3) * 0.12 + head + 0.5 - c.x * face.light * 0.4).clamp_(0, 1)
    c.paint(mask * (face.beard * face.beard_depth), face.beard_colour, face.hair_dark, mix)


def _eyes(c, face):
    x, y = c.x - face.turn, c.y - face.eye_y
    e = x.abs() - face.eye_x  # from the middle of an eye outwards
    y = y + e * face.eye_tilt
    arc = (1 - (e * (1 / face.eye_width)).square_()) * face.eye_height
    # Beyond the lids: a smile lifts the lower one.
    above, below = -y - arc, y - arc * (0.8 - 0.25 * face.smile)
    c.paint(_spot(e, y, face.eye_width * 1.5, face.eye_height * 2.2) * 0.45, face.skin_shade)
    eye = c.inside(torch.maximum(above, below))
    c.paint(eye, IVORY, IVORY * 0.72, (above * 25 + 0.9).clamp_(0, 1))
    ix, iy = (x - face.gaze_x).abs() - face.eye_x, y - face.gaze_y + 0.004
    r2 = _squares(ix, iy, face.iris, face.iris)
    mix = (r2 * 0.9 - iy * 8 - 0.2).clamp_(0, 1)
    iris = c.inside((r2 - 1) * (face.iris * 0.5)) * eye
    c.paint(iris, face.iris_colour, face.iris_colour * 0.4, mix)
    c.paint(c.inside((r2 - 0.25) * face.iris) * eye, BLACK)
    glint = (x - face.gaze_x - (face.light > 0) * 0.036 + 0.018).abs() - face.eye_x
    c.paint(c.ellipse(glint, iy + 0.02, 0.015, 0.015) * eye, WHITE)
    ends = e.abs() - face.eye_width
    c.paint(c.stroke(above, face.lashes) * c.inside(ends - 0.01), face.hair_dark * 0.35)
    folds = torch.maximum(c.stroke(below, 0.005), c.stroke(above - 0.035, 0.005)) * c.inside(ends)
    c.paint(folds * 0.55, face.skin_dark)


def _brows(c, face):
    e = (c.x - face.turn).abs() - face.eye_x - 0.01
    q = e * (1 / face.brow_width)
    line = c.y - face.eye_y + face.brow_y + (1 - q * q) * face.brow_arch - e * face.brow_slope
    brow = c.stroke(line, face.brow * (1.1 - 0.4 * q).clamp_(min=0.2))
    c.paint(brow * c.inside(e.abs() - face.brow_width) * 0.92, face.hair_colour * 0.72)


def _shape_hair(c, face):
    """Add `curls`, and the distances to the `hair`'s outline and to its `fringe` over the face, negative within it."""
    x, y = (c.page_x - face.shift_x) / face.scale, (c.page_y - face.shift_y) / face.scale
    phase = face.strand_phase
    c.curls = _wave(x * 3.4 + _wave(y * 1.7 + phase) * 0.3 + phase).add_(_wave(y * 3.4 + phase * 2))
    bumps = c.curls * (face.curl * 0.016)
    volume = 1.06 + face.hair_volume * face.volume + face.grow
    width = (c.y + 0.3).clamp_(min=0).mul_(-face.hug).add_(volume).mul_(face.head_width)
    droop = face.length * face.hair_length / (1 + face.hair_length)
    height = (c.y + (0.03 + face.rise)).sub_(c.y.clamp(min=0) * droop)
    height.mul_(1 / (face.head_height * (volume + 0.02)))
    c.hair = (c.x / width).square_().add_(height.square_()).sub_(1).mul_(0.25).add_(bumps)
    side = (c.x * (1 / face.head_width)).square_()
    line = (side * side * face.temple).add_(bumps).add_(_wave(x * 3.5 + phase) * 0.02)
    line.add_(face.hairline + face.drop)
    line.add_(c.x * (face.slant * torch.where(face.parting > 0, 1.0, -1.0)))
    line.add_((c.x - face.parting * 0.4).square_().mul_(2.5 * face.length))
    line = torch.minimum(line, side.mul_(-0.25).add_(face.sideburns + face.burn))
    reach = face.head_width * 0.86 + (1 - face.length) * 9  # long hair hangs beside the face
    c.fringe = torch.minimum(c.y - line, reach - c.x.abs())


def _hair_shadow(c, face):
    shadow = c.inside(torch.maximum(torch.maximum(c.hair, c.fringe - 0.04), c.head), 0.04)
    c.paint(shadow * (0.6 * (1 - face.shaved)), face.skin_shade)


def _bun(c, face):
    x, y = c.x - face.parting * 0.15, c.y + face.head_height + 0.12
    mix = (_wave(x * 3 + face.strand_phase) * 0.15 + (y * 2 - x * face.light + 0.4)).clamp_(0, 1)
    c.paint(c.ellipse(x, y, 0.2, 0.16) * face.bun, face.hair_bright, face.hair_dark, mix)


def _hair(c, face):
    ray = c.x / (c.y + 1.35).clamp_(min=0.2) * face.strands  # from a point above the head
    fine = (0.13 - c.pixel * 2.4).clamp(0, 0.1)  # none where they would be finer than pixels
    strands = _wave(ray + face.strand_phase).mul_(0.16).add_(_wave(ray * 2.7).mul_(fine))
    strands.mul_(1 - face.curl - face.shaved).add_(c.curls * (face.curl * 0.15))
    arc = c.x.square().mul_(0.3).add_(c.y).add_(0.47).mul_(1 / 0.16)
    gloss = (1 - arc.square_()).clamp_(min=0).mul_(0.45)
    mix = strands.sub_(gloss).add_(c.x.abs().mul_(0.5)).sub_(c.x * (face.light * 0.35)).add_(0.3)
    mask = c.inside(torch.maximum(c.hair, c.fringe), face.shaved * 0.06) * (1 - face.shaved * 0.68)
    c.paint(mask, face.hair_bright, face.hair_dark, mix.clamp_(0, 1))


def _glasses(c, face):
    x, y = c.x - face.turn, c.y - face.eye_y - 0.01
    e = x.abs() - face.eye_x - 0.005
    a, b = (e * (1 / face.lens_width)).square_(), (y * (1 / face.lens_height)).square_()
    edge = (a + b - 1 - (a * b).clamp_(max=1) * face.lens_square) * (face.lens_height * 0.5)
    lens, dark = c.inside(edge) * face.glasses, (face.tint < 0.15).float()
    c.paint(lens * (0.1 + 0.75 * dark), WHITE * 0.9 - 0.8 * dark[:, None])
    c.paint(lens * c.stroke(e * 0.7 + y + 0.03, 0.018, 0.01) * 0.35, WHITE)  # a reflection
    bar = (
        c.stroke(y + 0.03, face.rim * 0.8)
        * c.inside(-edge)
        * c.inside(x.abs() - face.head_width * 1.02)
    )
    c.paint(torch.maximum(c.stroke(edge, face.rim), bar) * face.glasses, face.frame)
