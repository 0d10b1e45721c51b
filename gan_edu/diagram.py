"""The picture of a GAN: one training step in five pictures, turned by buttons, without a kernel and without scripts."""

import html
import itertools

from IPython.display import HTML

from gan_edu.style import CRITIC, FAKE, OPTIMAL, PUSH, REAL

FRAMES = {  # what the button says, and what happens
    "draw": "Latents z are drawn, and the generator G turns them into samples. "
    "<b>detach</b> cuts the way back: in this half of the step no gradient will reach G.",
    "judge": "D judges real and generated samples, and its loss says how well it tells them apart.",
    "D learns": "The gradient of D's loss flows back into D, and <b>D moves</b>. At the cut it ends; G stays as it is.",
    "try again": "New latents, and this time no cut: the loss of G asks how real D finds the new samples.",
    "G learns": "The gradient flows back through D, which stays as it is, and on through the samples into G: <b>G moves</b>.",
}
LINES = (
    "x_real, x_fake = sample(n), gan.G(latent(n)).detach()",
    "loss_D = discriminator_loss(gan.D(x_real), gan.D(x_fake))",
    "descend(gan.opt_D, loss_D, lr=knobs.lr_d)",
    "loss_G = generator_loss(gan.D(gan.G(latent(n))))",
    "descend(gan.opt_G, loss_G, lr=knobs.lr_g)",
)
BOXES = (  # text, frames in which it is lit, x, y, width, colour
    ("z", "14", 30, 190, 46, CRITIC), ("G", "1456", 126, 190, 70, FAKE),
    ("x_fake", "12457", 250, 190, 84, FAKE), ("x_real", "12", 250, 70, 84, REAL),
    ("D", "23457", 410, 130, 70, CRITIC), ("loss of D", "23", 560, 70, 100, CRITIC),
    ("loss of G", "45", 560, 190, 100, FAKE),
)  # fmt: skip
FORWARD = (  # frames, from x, y to x, y
    ("14", 76, 210, 124, 210), ("14", 196, 210, 248, 210), ("24", 334, 204, 408, 162),
    ("2", 334, 96, 408, 138), ("2", 480, 140, 558, 98), ("4", 480, 160, 558, 202),
)  # fmt: skip
BACKWARD = (
    ("3", 556, 82, 482, 126), ("3", 406, 168, 350, 199), ("5", 556, 216, 482, 174), ("5", 406, 172, 338, 214), ("5", 246, 222, 198, 222),
)  # fmt: skip
MARKS = (  # text, class, frames in which it shows, x, y
    ("D moves", "moves", "3", 445, 118), ("G moves", "moves", "5", 161, 250), ("✂", "cut", "123", 222, 201),
)  # fmt: skip
WORDS = "The picture of a GAN: z goes through G to x_fake; x_fake and x_real go through D to the two losses."
HEAD = 'viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"'
NUMBERS = itertools.count()


def gan_diagram(*lines):
    """Return the picture of a GAN; lines: five lines of code, one for each picture, by default those of a plain GAN."""
    lines = lines or LINES
    if len(lines) != len(FRAMES):
        raise ValueError(f"lines must be {len(FRAMES)} lines of code, got {len(lines)}")
    return turned(FRAMES, lines, (BOXES, FORWARD, BACKWARD, MARKS), "0 40 690 225", WORDS)


def turned(frames, lines, parts, view_box, words):
    """Return a picture in several frames, {button: what happens}, with a line of code for each; its parts light up.

    parts: boxes, arrows forward, arrows backward, and marks, as those above.
    """
    name = f"gan{next(NUMBERS)}"  # several on one page turn each for itself
    turn, said, code, lit = "", "", "", []
    for k, ((frame, happens), line) in enumerate(zip(frames.items(), lines), 1):
        turn += f'<input type="radio" name="{name}" id="{name}{k}"{" checked" * (k == 1)}>'
        turn += f'<label for="{name}{k}">{k} {frame}</label>'
        said += f'<p class="p{k}">{happens}</p>'
        code += f'<code class="p{k}">{html.escape(line)}</code>'
        lit.append(f"#{name}{k}:checked ~ div .p{k}")
    style = STYLE.replace("ROOT", f"#{name}").replace("LIT", f":is({', '.join(lit)})")
    drawn = svg(name, *parts)
    drawn = f'<svg viewBox="{view_box}" role="img" aria-label="{words}">{drawn}</svg>'
    inside = f'<div class="words">{said}</div>{drawn}<div>{code}</div>'
    return HTML(f'<figure id="{name}"><style>{style}</style>{turn}<div>{inside}</div></figure>')


def svg(name, boxes, forward, backward, marks):
    """Return the parts in SVG; p1, p2, ... are the classes of what is lit in these frames."""
    heads, parts = "", []
    for kind, color, arrows in (("go", "currentColor", forward), ("back only", PUSH, backward)):
        head = f"{name}-{kind[:4]}"
        heads += f'<marker id="{head}" {HEAD}><path d="M0 0L8 4L0 8z" fill="{color}"/></marker>'
        for frames, x, y, to_x, to_y in arrows:
            place = f'x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" marker-end="url(#{head})"'
            parts.append(f'<line class="{kind} p{" p".join(frames)}" {place}/>')
    for text, frames, x, y, width, color in boxes:
        rect = f'<rect x="{x}" y="{y}" width="{width}" height="40" rx="8" fill="{color}" '
        rect += f'fill-opacity=".25" stroke="{color}"/>'
        word = f'<text x="{x + width / 2}" y="{y + 25}">{text}</text>'
        parts.append(f'<g class="p{" p".join(frames)}">{rect}{word}</g>')
    for text, kind, frames, x, y in marks:
        place = f'x="{x}" y="{y}"'
        parts.append(f'<text class="only {kind} p{" p".join(frames)}" {place}>{text}</text>')
    return f"<defs>{heads}</defs>{''.join(parts)}"


STYLE = f"""
ROOT {{ max-width: 52em; margin: 0; }}
ROOT > input {{ position: absolute; opacity: 0; }}
ROOT > label {{ display: inline-block; margin: 0 6px 6px 0; padding: 2px 12px; border: 1px solid currentColor;
  border-radius: 1em; cursor: pointer; opacity: .7; }}
ROOT > input:checked + label {{ background: {REAL}; border-color: {REAL}; color: #fff; opacity: 1; }}
ROOT > input:focus-visible + label {{ outline: 2px solid {FAKE}; }}
ROOT svg {{ display: block; width: 100%; max-height: 240px; }}
ROOT svg :is(g, line) {{ opacity: .22; }}
ROOT svg text {{ fill: currentColor; font: 15px system-ui, sans-serif; text-anchor: middle; }}
ROOT svg text.moves {{ fill: {OPTIMAL}; font-weight: 700; }}
ROOT svg text.cut {{ fill: {PUSH}; font-size: 26px; }}
ROOT line {{ stroke: currentColor; stroke-width: 1.6; }}
ROOT line.back {{ stroke: {PUSH}; stroke-width: 3; stroke-dasharray: 7 4; }}
ROOT svg .only {{ opacity: 0; }}
ROOT p {{ display: none; margin: 4px 0; min-height: 2.7em; }}
ROOT code {{ display: block; padding: 1px 8px; border-left: 5px solid transparent; opacity: .72; background: none; white-space: pre-wrap; }}
LIT {{ opacity: 1 !important; }}
LIT:is(p) {{ display: block; }}
LIT:is(code) {{ border-color: {OPTIMAL}; font-weight: 700; }}
"""
