"""The look of the lessons: colours with one meaning each, and figures with alternative text."""

import matplotlib
import matplotlib.colors

# Okabe and Ito's colours, which readers who confuse colours can tell apart.
REAL, FAKE, CRITIC = "#0072B2", "#E69F00", "#6B6B6B"
OPTIMAL, PUSH, MARK = "#009E73", "#D55E00", "#CC79A7"
# Five numbers for the distance of two distributions; W1 has the page's ink.
KL, REVERSE_KL, JS, TV, W1 = "#D55E00", "#CC79A7", "#009E73", "#56B4E9", "#000000"
CLEAR, STRONG = (0.36, 0.45, 0.56, 0.04), (0.36, 0.45, 0.56, 0.7)  # grey-blue, on any paper
SURFACE = matplotlib.colors.LinearSegmentedColormap.from_list("critic", [CLEAR, STRONG])
STYLE = {
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 11,
    "axes.prop_cycle": matplotlib.cycler(color=[REAL, FAKE, OPTIMAL, PUSH, MARK, CRITIC]),
    "legend.framealpha": 0.85,
}
