"""Panels: what moves while it trains, drawn by the page."""

from gan_edu.panel.explore import explore
from gan_edu.panel.figure import canvas, curves, describe, handle, handles
from gan_edu.panel.knobs import bars, choice, log_slider, point, sketch, slider, switch
from gan_edu.panel.live import live
from gan_edu.panel.record import record

__all__ = [
    "bars", "canvas", "choice", "curves", "describe", "explore", "handle", "handles", "live", "log_slider",
    "point", "record", "sketch", "slider", "switch",
]  # fmt: skip
