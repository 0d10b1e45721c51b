"""Panels: what moves while it trains, drawn by the page."""

from gan_edu.panel.explore import explore
from gan_edu.panel.figure import curves, describe, handle
from gan_edu.panel.knobs import choice, log_slider, point, slider, switch
from gan_edu.panel.live import live
from gan_edu.panel.record import record

__all__ = [
    "choice",
    "curves",
    "describe",
    "explore",
    "handle",
    "live",
    "log_slider",
    "point",
    "record",
    "slider",
    "switch",
]
