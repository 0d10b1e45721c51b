"""What the panels in the notebook share: the picture in the page, how it is painted, sliders, and the still that stays."""

import dataclasses
import io
import math
import time
import typing

import anywidget
import ipywidgets
import numpy as np
import traitlets
from IPython import get_ipython
from IPython.display import display, publish_display_data
from PIL import Image

SLIDER_LAYOUT = {"width": "23em"}
NO_VIEWER_SECONDS = 15.0  # a page that has shown nothing for so long is taken to be closed


@dataclasses.dataclass(frozen=True)
class Slider:
    """A knob: its name in code, its symbol, and the slider's ends. log: one unit is a power of ten.

    value: where it starts; None: where the thing that it steers stands. step: of a slider that is not logarithmic; a
    whole number makes a slider of whole numbers.
    """

    name: str
    symbol: str
    low: float
    high: float
    log: bool = True
    value: float | None = None
    step: float = 1


def slider_widget(spec, value):
    """Return the widget of a `Slider`, standing at `value`; None puts a logarithmic one in the middle."""
    named = (
        spec.value is None and spec.symbol != spec.name
    )  # a knob of training is known by its name in code as well
    label = f"{spec.symbol} ({spec.name})" if named else spec.symbol
    look = dict(
        description=label,
        tooltip=spec.name,
        style={"description_width": "8em"},
        layout=SLIDER_LAYOUT,
    )
    if not spec.log:
        kind = ipywidgets.IntSlider if isinstance(spec.step, int) else ipywidgets.FloatSlider
        number = int if isinstance(spec.step, int) else float
        return kind(
            number(value), min=number(spec.low), max=number(spec.high), step=spec.step, **look
        )
    low, high = math.log10(spec.low), math.log10(spec.high)
    start = (
        math.sqrt(spec.low * spec.high) if value is None else min(max(value, spec.low), spec.high)
    )
    return ipywidgets.FloatLogSlider(
        start, base=10, min=low, max=high, step=0.05, readout_format=".2g", **look
    )


class Screen(anywidget.AnyWidget):
    """The picture in the page. Its JavaScript draws each frame and says which one has been shown."""

    _esm = """
    export default {
      render({ model, el }) {
        const canvas = document.createElement("canvas");
        canvas.className = "gan-live-picture";
        canvas.setAttribute("role", "img");
        el.appendChild(canvas);
        const context = canvas.getContext("2d");
        let newest = -1, shown = 0, open = true;
        let words = null, speak = null;
        if (model.get("words")) {
          words = document.createElement("p");
          words.className = "gan-live-words";
          words.setAttribute("aria-live", "polite");
          el.appendChild(words);
        }
        const describe = () => {
          canvas.setAttribute("aria-label", model.get("description"));
          if (!words) return;
          clearTimeout(speak);  // a screen reader speaks each change: only what has stood for a moment is one
          speak = setTimeout(() => {
            if (words.textContent !== model.get("description")) words.textContent = model.get("description");
          }, 600);
        };
        const draw = async () => {
          const frame = model.get("frame"), step = model.get("step"), bytes = model.get("picture");
          if (!bytes || !bytes.byteLength) return;
          const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
          if (!open || frame < newest) return;  // a later picture was decoded sooner
          newest = frame;
          if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
            canvas.width = bitmap.width;
            canvas.height = bitmap.height;
          }
          context.drawImage(bitmap, 0, 0);
          bitmap.close();
          canvas.dataset.frame = frame;
          canvas.dataset.step = step;
          canvas.dataset.shown = ++shown;
          if (frame - model.get("acknowledged") >= model.get("acknowledge_every") || frame < model.get("acknowledged")) {
            model.set("acknowledged", frame);
            model.save_changes();
          }
        };
        model.on("change:frame", draw);
        model.on("change:description", describe);
        describe();
        draw().then(() => model.send({ opened: true }));
        const nameSliders = (panel) => {  // for screen readers: ipywidgets leaves the handles without a name
          for (const handle of panel.querySelectorAll("[role=slider]")) {
            const slider = handle.closest(".widget-inline-hbox");
            const readout = slider?.querySelector(".widget-readout"), label = slider?.querySelector(".widget-label");
            if (!readout || !label) continue;  // still being made
            readout.id ||= `gan-live-${Math.random().toString(36).slice(2)}`;
            if (handle.getAttribute("aria-label") !== label.textContent) handle.setAttribute("aria-label", label.textContent);
            handle.setAttribute("aria-describedby", readout.id);
          }
        };
        let naming = null;
        const watch = new MutationObserver((changes) => {  // sliders come, go and are renamed with a fork
          const panel = canvas.closest(".gan-live");
          naming ??= panel && setTimeout(() => { naming = null; nameSliders(panel); }, 100);
        });
        const watchPanel = () => {
          const panel = canvas.closest(".gan-live");
          if (!panel) return open && setTimeout(watchPanel, 200);
          nameSliders(panel);
          watch.observe(panel, { childList: true, subtree: true });
        };
        watchPanel();
        return () => {
          open = false;
          watch.disconnect();
          model.off("change:frame", draw);
          model.off("change:description", describe);
          model.send({ closed: true });
        };
      },
    };
    """
    _css = """
    .gan-live-picture { display: block; width: 100%; max-width: 1400px; height: auto; }
    .gan-live { padding: 4px 2px; }
    .gan-live-side { flex: 1 1 430px; min-width: 0; max-width: 1400px; }
    .gan-live-caption { font-weight: 700; font-size: 1.3em; line-height: 1.3; border-top: 4px solid; padding-left: 4px; }
    .gan-live-caption.gan-live-a { border-color: #0072B2; }
    .gan-live-caption.gan-live-b { border-color: #CC79A7; border-top-style: dashed; }
    .gan-live-b.widget-box { border-left: 6px dashed #CC79A7; background: rgba(204, 121, 167, 0.15); }
    .gan-live-recording { width: 100%; aspect-ratio: 1.4; border: 3px solid #8a1c00; box-sizing: border-box; }
    .gan-live-words { margin: 2px 0 0; line-height: 1.35; white-space: normal; max-width: 1400px; min-height: 1.35em; }
    .gan-live .widget-button { width: auto; }
    .gan-live .widget-toggle-buttons > div { white-space: nowrap; }
    .gan-live-status { font-variant-numeric: tabular-nums; line-height: 1.4; white-space: normal; min-height: 2.8em; }
    .gan-live-status .fault { color: #a40000; font-weight: 600; }
    .jp-OutputArea-child:has(.gan-live) + .jp-OutputArea-child { display: none; }
    """
    picture = traitlets.Bytes(b"").tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)  # the training step that the picture shows
    description = traitlets.Unicode("").tag(sync=True)
    acknowledge_every = traitlets.Int(3).tag(sync=True)
    acknowledged = traitlets.Int(0).tag(sync=True)
    words = traitlets.Bool(False).tag(sync=True)  # show the description under the picture, too

    def __init__(self, **traits):
        super().__init__(**traits)
        self._last_sent = self._last_sign = time.monotonic()
        self.observe(self._sign_of_life, "acknowledged")
        self.on_msg(self._page_message)

    def send_picture(self, jpeg, step):
        """Send a picture to every page that shows this screen."""
        with self.hold_sync():  # one message for all three
            self.picture, self.step = jpeg, step
            self.frame += 1
        self._last_sent = time.monotonic()

    def ready(self):
        """Whether the page keeps up: at most two acknowledgements are outstanding, or it has been silent for two seconds."""
        waiting = self.frame - self.acknowledged >= 2 * self.acknowledge_every
        return (
            not waiting or time.monotonic() - self._last_sent > 2.0
        )  # a reloaded page answers to a new picture only

    def watched(self):
        """Whether a page has shown a picture lately."""
        caught_up = self.frame - self.acknowledged < self.acknowledge_every
        return caught_up or time.monotonic() - self._last_sign < NO_VIEWER_SECONDS

    def expect_viewer(self):
        """Start to wait for a sign of life anew."""
        self._last_sign = time.monotonic()

    def _sign_of_life(self, change):
        self._last_sign = time.monotonic()

    def _page_message(self, widget, content, buffers):
        if content.get("opened"):
            self._sign_of_life(None)
        elif content.get("closed"):  # another page may still show it: it has two seconds to say so
            self._last_sign = time.monotonic() - NO_VIEWER_SECONDS + 2.0


class Painter:
    """Draws a view into JPEG pictures: only what changes is drawn, on a stored background."""

    def __init__(self, view, quality=88):
        self.view, self.quality = view, quality
        self._background = None
        self.limits_moved = False  # whether the last picture needed other axes than the one before

    def jpeg(self, *state, **values):
        """Return the present picture as bytes; what is given is what view.update needs to know."""
        buffer = io.BytesIO()
        self._draw(*state, **values).save(buffer, "jpeg", quality=self.quality, subsampling=0)
        return buffer.getvalue()

    def array(self, *state, **values):
        """Return the present picture as an array (height, width, 3) of uint8."""
        return np.asarray(self._draw(*state, **values))[..., :3].copy()

    def _draw(self, *state, **values):
        self.limits_moved = self.view.update(*state, **values)
        canvas = self.view.figure.canvas
        if self.limits_moved or self._background is None:
            for artist in self.view.artists:
                artist.set_animated(True)  # left out of the background
            canvas.draw()
            self.view.figure.set_layout_engine(
                "none"
            )  # laid out once: wider tick labels must not make the axes jump
            self._background = canvas.copy_from_bbox(self.view.figure.bbox)
        canvas.restore_region(self._background)
        for artist in self.view.artists:
            artist.axes.draw_artist(artist)
        size = canvas.get_width_height()
        return Image.frombuffer(
            "RGBX", size, canvas.buffer_rgba(), "raw", "RGBX", 0, 1
        )  # as it lies in memory: no copy

    def beside(self, other):
        """Draw for half the width, on the same scales as the view `other` beside it; None: for the whole width again."""
        self.view.stand_beside(other)
        self.view.figure.set_layout_engine("constrained")
        self.forget_background()

    def forget_background(self):
        """Draw everything next time: the axes have changed."""
        self._background = None


class Panel(ipywidgets.VBox):
    """A widget with a `Screen`, whose last picture stays in the saved notebook.

    The panel that a cell made before is closed when the cell runs again.
    """

    _open: typing.ClassVar[dict] = {}  # {cell: panel}

    _still = None  # the display handle of the still picture

    def _replace_panel_of(self, cell):
        old = Panel._open.pop(cell, None)
        if old is not None:
            old.close()
        Panel._open[cell] = self

    def _show_rows(self, rows):
        ipywidgets.VBox.__init__(self, rows, layout=ipywidgets.Layout(overflow="hidden"))
        self.add_class("gan-live")

    def _describe(self, words):
        """Say what the picture shows, to readers of the page and of the saved notebook."""
        self._screen.description = words
        if self._still is not None:
            self._still.update(self._still_picture(), raw=True, metadata=self._still_metadata())

    def _ipython_display_(self):
        bundle = self._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        data["text/plain"] = (
            "A live panel. Run this notebook to steer it; the picture below shows how it stood."
        )
        publish_display_data(data, metadata)
        # The second output is hidden by the style above while the panel lives, and stands in for it where there is no kernel.
        self._still = display(
            self._still_picture(), raw=True, metadata=self._still_metadata(), display_id=True
        )

    def _still_picture(self):
        return {"image/jpeg": self._screen.picture, "text/plain": self._screen.description}

    def _still_metadata(self):
        return {"image/jpeg": {"alt": self._screen.description}}

    def close(self):
        """Remove the panel."""
        for row in self.children:
            close_tree(row)
        super().close()


def close_tree(widget):
    """Close a widget and all that it consists of: one that is left over breaks the page when it is reloaded."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for part in ("layout", "style"):
        if isinstance(getattr(widget, part, None), ipywidgets.Widget):
            getattr(widget, part).close()
    widget.close()


def present_cell():
    """Return an id of the notebook cell that is running, so that running it again replaces its panel.

    Where the page does not name its cells, as Voila's, it is what stands in the cell; outside a notebook "panel".
    """
    shell = get_ipython()
    try:
        request = shell.kernel.get_parent()
        return request["metadata"].get("cellId") or request["content"]["code"]
    except (AttributeError, KeyError, TypeError):
        return "panel"
