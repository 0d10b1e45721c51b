"""Panels: what moves while it trains, drawn by the page."""

from gan_edu.panel.explore import explore as explore
from gan_edu.panel.figure import canvas as canvas
from gan_edu.panel.figure import curves as curves
from gan_edu.panel.figure import describe as describe
from gan_edu.panel.figure import handle as handle
from gan_edu.panel.figure import handles as handles
from gan_edu.panel.knobs import bars as bars
from gan_edu.panel.knobs import choice as choice
from gan_edu.panel.knobs import log_slider as log_slider
from gan_edu.panel.knobs import point as point
from gan_edu.panel.knobs import sketch as sketch
from gan_edu.panel.knobs import slider as slider
from gan_edu.panel.knobs import switch as switch
from gan_edu.panel.live import live as live
from gan_edu.panel.record import record as record
