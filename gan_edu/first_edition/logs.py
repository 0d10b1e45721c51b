"""A training run written for TensorBoard: curves, pictures of fixed latents, and the graphs of both networks."""

import contextlib
import dataclasses
import html
import math
import os
import pathlib
import shlex
import urllib.parse
import warnings

import torch

from gan_edu._arguments import check_callable, check_count
from gan_edu.first_edition.training import GAN
from gan_edu.losses import critic_loss

CURVES = {  # tag in TensorBoard: column of the history
    "loss/discriminator": "d_loss",
    "loss/generator": "g_loss",
    "loss/penalty": "penalty",
    "gradient norm/discriminator": "grad_norm_d",
    "gradient norm/generator": "grad_norm_g",
}
OUTPUTS = {"real": "D(x)", "fake": "D(G(z)) before", "fake_after": "D(G(z)) after"}
COLUMNS = 8  # pictures in a row
SHOW_FRAME = """async (id, url) => {
    const address = new URL(url, window.location);
    // A frame of another host may not store its settings, and TensorBoard then shows nothing.
    if (["localhost", "127.0.0.1"].includes(window.location.hostname)) address.hostname = window.location.hostname;
    try { await fetch(address, {mode: "no-cors"}); } catch { return; }  // no server: an old page, or another machine
    const frame = document.getElementById(id);
    frame.src = address;
    frame.hidden = false;
}"""


class TensorBoardLog:
    """Write a run for TensorBoard: `gan.run(n, every=100, callback=TensorBoardLog("runs/faces", gan))`.

    At each call it writes the losses, the penalty and the gradient norms of all steps since the last call, at the last step
    the mean D(x) and D(G(z)) before and after the generator's update (probabilities; scores of a critic), and what the
    generator makes of n_images fixed latents, if that is pictures. The graphs of both networks are written at once: runs
    `generator` and `discriminator` inside log_dir. Training goes on as without the log, bit for bit.

    quality: a function of gan that returns a dataclass or dict of numbers, as `lambda gan: face_quality(gan.generate(z))`;
    it is called each time, and dicts within are written too. A log in the folder of an older run replaces that run's
    curves from the present step on. ValueError if log_dir cannot be written to.
    """

    def __init__(self, log_dir, gan, n_images=64, quality=None):
        if not isinstance(gan, GAN):
            raise ValueError(f"gan must be a gan_edu.first_edition.training.GAN, got {gan!r}")
        self.n_images = check_count("n_images", n_images, least=0)
        if quality is not None:
            check_callable("quality", quality, "lambda gan: face_quality(gan.generate(z))")
        self.quality = quality
        self.log_dir = _writable(log_dir)
        self._open(gan)
        with gan.between_steps():
            for player, sample in (("generator", gan.fixed_z), ("discriminator", gan.fixed_real)):
                _write_graph(self.log_dir / player, getattr(gan, player), sample(2).to(gan.device))

    def __call__(self, gan):
        """Write what has happened since the last call."""
        if self._writer is None:
            raise ValueError("this log has been closed: make another TensorBoardLog")
        step = len(gan.history)
        if step < self._written:  # the run was reset
            self._writer.close()
            self._open(gan)
        with gan.between_steps():
            for tag, column in CURVES.items():
                for k, value in enumerate(
                    gan.history[column][self._written : step].tolist(), self._written + 1
                ):
                    if not math.isnan(value):  # this player has not moved, or there is no penalty
                        self._writer.add_scalar(tag, value, k)
            for name, value in self._outputs(gan).items():
                self._writer.add_scalar(name, value, step)
            self._write_pictures(gan, step)
            for name, value in _numbers(self.quality(gan) if self.quality else {}):
                self._writer.add_scalar(f"quality/{name}", value, step)
        self._written = step
        self._writer.flush()  # TensorBoard shows it at its next look

    def close(self):
        """Finish the files; the log cannot be used any more."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        self.close()

    def _open(self, gan):
        self._written = len(gan.history)
        self._writer = _summary_writer(self.log_dir, purge_step=self._written)

    @torch.no_grad()
    def _outputs(self, gan):
        outputs = getattr(gan, "last_outputs", None) or {}
        read = (lambda scores: scores) if gan.d_loss is critic_loss else torch.sigmoid
        return {
            f"discriminator/{name}": read(outputs[key].float()).mean().item()
            for key, name in OUTPUTS.items()
            if outputs.get(key) is not None
        }

    def _write_pictures(self, gan, step):
        if self.n_images:
            pictures = gan.generate(gan.fixed_z(self.n_images))
            if pictures.ndim == 4 and pictures.shape[1] in (1, 3):
                self._writer.add_image("samples", _grid(pictures), step)


def show_tensorboard(log_dir, height=640):
    """Return TensorBoard on this folder for the notebook: a frame, its address, and the command for a terminal.

    The server is a thread of this process and ends with it; a second call for the same folder shows the same one. The
    frame appears only where the browser reaches the server: on this machine, or on a JupyterHub that has
    jupyter-server-proxy. ValueError if there is no such folder.
    """
    return _View(log_dir, height)


class _View:
    _ports = {}  # noqa: RUF012  {folder: port of its server}, of this process

    def __init__(self, log_dir, height):
        if not isinstance(log_dir, str | os.PathLike) or not pathlib.Path(log_dir).is_dir():
            raise ValueError(
                f"log_dir must be a folder that a TensorBoardLog has written, got {log_dir!r}"
            )
        self.height = check_count("height", height)
        folder = pathlib.Path(log_dir).resolve()
        if folder not in self._ports:
            self._ports[folder] = _serve(folder)
        self.port = self._ports[folder]
        self.command = f"tensorboard --logdir {shlex.quote(str(log_dir))}"
        hub = os.environ.get(
            "JUPYTERHUB_SERVICE_PREFIX"
        )  # on a hub only the hub's own address can be reached
        self.url = (
            f"{hub.rstrip('/')}/proxy/{self.port}/" if hub else f"http://localhost:{self.port}/"
        )

    def __repr__(self):
        return f"TensorBoard: {self.url} or, in a terminal: {self.command}"

    def _repr_html_(self):
        url, command = html.escape(self.url, quote=True), html.escape(self.command)
        return (
            f'<p>TensorBoard: <a href="{url}" target="_blank">{url}</a> or, in a terminal: <code>{command}</code></p>'
            f'<iframe id="tensorboard-{id(self)}" title="TensorBoard" width="100%" height="{self.height}" '
            f'style="border: 0" hidden></iframe><script>({SHOW_FRAME})("tensorboard-{id(self)}", "{url}");</script>'
        )


def _serve(folder):
    """Start TensorBoard on this folder in a thread of this process; return its port."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about its own dependencies
        from tensorboard import program

    # No helper process for the data: it could outlive this one. A path with a comma would be read as two.
    arguments = ["tensorboard", "--logdir", str(folder), "--load_fast", "false"]
    for port in ([], ["--port", "0"]):  # 6006 to 6015, else any that is free
        board = program.TensorBoard()
        board.configure(argv=arguments + port)
        try:
            return urllib.parse.urlsplit(board.launch()).port
        except program.TensorBoardServerException as fault:
            reason = fault
    raise OSError(f"TensorBoard found no free port: {reason}")


def _summary_writer(folder, **options):
    from torch.utils.tensorboard import SummaryWriter  # a second to import, and only needed here

    return SummaryWriter(str(folder), **options)


def _writable(log_dir):
    """Return the folder, made where it is missing; ValueError if nothing can be written there."""
    try:
        folder = pathlib.Path(log_dir)
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write_test_{os.getpid()}"
        probe.touch()
        probe.unlink()
    except (OSError, TypeError) as fault:
        raise ValueError(
            f"log_dir must be a folder that can be written to, got {log_dir!r}: {fault}"
        ) from fault
    return folder


def _write_graph(folder, network, example):
    """Write the graph of the network, traced in evaluation mode with an example."""
    for old in folder.glob(
        "events.out.tfevents.*"
    ):  # of an older run: TensorBoard would show either
        old.unlink()
    with warnings.catch_warnings(), contextlib.closing(_summary_writer(folder)) as writer:
        warnings.simplefilter("ignore")  # of the tracer: which branches it has not seen
        writer.add_graph(network, example)


def _grid(pictures):
    """Return pictures (n, c, h, w) in (-1, 1) as one of uint8 (3, rows h, COLUMNS w), filled up with black."""
    n, _, height, width = pictures.shape
    columns, rows = min(n, COLUMNS), -(-n // COLUMNS)
    pages = torch.zeros(rows * columns, 3, height, width, dtype=torch.uint8)
    pages[:n] = (
        ((pictures.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    )  # grey: three times the same
    pages = pages.view(rows, columns, 3, height, width)
    return pages.permute(2, 0, 3, 1, 4).reshape(3, rows * height, columns * width)


def _numbers(found):
    """Yield (name, number) of a dataclass or dict, with those of the dicts in it as "outer/inner"."""
    if dataclasses.is_dataclass(found):
        found = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    for name, value in found.items():
        if isinstance(value, dict):
            yield from ((f"{name}/{inner}", number) for inner, number in _numbers(value))
        elif isinstance(value, int | float):
            yield name, value
