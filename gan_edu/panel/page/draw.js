// Draws figures on a canvas: headers in matplotlib's words, and arrays.

const POINT = 4 / 3; // CSS pixels in one pt
const CELLS = 110_000; // pixels of a surface that are computed; a larger one is scaled
const SHADES = 1024; // entries of a surface's palette
const MINUS = "\u2212";
const FAMILY = "system-ui, -apple-system, 'Segoe UI', sans-serif";
const TYPES = { f4: Float32Array, u1: Uint8Array, i2: Int16Array, i4: Int32Array };
const MISSING = { u1: 255, i2: 32767 }; // stands for nan where values were quantised
const DASHES = { "--": [3.7, 1.6], ":": [1, 1.65], "-.": [6.4, 1.6, 1, 1.6] };
const SOLID = [];
const CLOSEST = { points: 12, line: 24 }; // pixels from the pointer

/** A number as text, with a true minus sign. */
export function short(v, digits = 4) {
  if (!Number.isFinite(v)) return "no value";
  const size = Math.abs(v);
  if (size < 1e6 && Number.isInteger(v)) return String(v).replace("-", MINUS);
  const plain = size >= 1e-4 && size < 1e6;
  const text = plain ? String(+v.toPrecision(digits)) : v.toExponential(digits - 1);
  return text.replace(/\.?0*e\+?/, "e").replaceAll("-", MINUS);
}

/** Give each layer of a picture its arrays, as views of the buffer where they are not quantised. */
export function decode(sides, buffer) {
  for (const side of sides) {
    for (const axes of side.figure.axes) {
      for (const layer of axes.layers) layer.arrays = layer.data?.map((a) => decoded(a, buffer));
    }
  }
}

function decoded([at, size, type, low, step], buffer) {
  const raw = new TYPES[type](buffer, at, size);
  if (step === undefined) return raw;
  return Float32Array.from(raw, (k) => (k === MISSING[type] ? NaN : low + step * k));
}

// ---- limits and ticks

/** The smallest of 1, 2, 5, 10, 20, ... of which at most n fit into the span. */
function niceStep(span, n) {
  const power = 10 ** Math.floor(Math.log10(span / n));
  return power * ([1, 2, 5].find((f) => f * power * n >= span * 0.9999) ?? 10);
}

const ranges = {
  points: [[0], [1]],
  line: [[0], [1]],
  arrows: [[0], [1]],
  area: [[0], [1, 2]],
};

/** Call see(value) and seeAll(array) for all that an axis must show. */
function look(layer, axis, see, seeAll) {
  const { kind, arrays } = layer;
  const side = axis === 0 ? "x" : "y";
  if (ranges[kind]) ranges[kind][axis].forEach((k) => seeAll(arrays[k]));
  else if (kind === "bars") {
    const [begin, length] = axis === 0 ? [arrays[0], arrays[1]] : [arrays[2], arrays[3]];
    for (let i = 0; i < begin.length; i++) (see(begin[i]), see(begin[i] + length[i]));
  } else if (kind === "surface") layer[side].forEach(see);
  else if (kind === "image") layer.extent.slice(2 * axis, 2 * axis + 2).forEach(see);
  else if (kind === "handle") see(layer[side]);
  else if (kind === (axis === 0 ? "vline" : "hline")) see(layer.at);
}

/** What the layers span on an axis: [low, high, whether that is exact]. On a log axis of the logarithms. */
function span(layers, axis, log) {
  let low = Infinity;
  let high = -Infinity;
  const see = (v) => {
    if (v < low && v > (log ? 0 : -Infinity)) low = v;
    if (v > high && v < Infinity) high = v;
  };
  const seeAll = (array) => {
    for (let i = 0; i < array.length; i++) see(array[i]);
  };
  for (const layer of layers) look(layer, axis, see, seeAll);
  const image = layers.find((layer) => layer.kind === "image");
  if (image) return [...image.extent.slice(2 * axis, 2 * axis + 2), true]; // may run downwards
  const exact = layers.some((layer) => layer.kind === "surface");
  return log ? [Math.log10(low), Math.log10(high), exact] : [low, high, exact];
}

/** Limits that follow the data in nice steps, and only when they must. */
function steady(kept, [low, high, exact]) {
  if (!Number.isFinite(high - low)) return kept ?? [0, 1];
  if (exact && low !== high) return [low, high];
  const inside = kept && low >= kept[0] && high <= kept[1];
  const wide = kept && 3 * (high - low) >= kept[1] - kept[0];
  if (inside && (wide || low === high)) return kept;
  if (wide) [low, high] = [Math.min(low, kept[0]), Math.max(high, kept[1])];
  const step = niceStep(high - low || Math.abs(high) || 1, 4);
  const limits = [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
  return limits[0] < limits[1] ? limits : [limits[0] - step, limits[1] + step];
}

/** Ticks between two limits (logarithms on a log axis): [[place, text], ...]. */
function ticks(low, high, n, log) {
  if (low > high) return ticks(high, low, n, log);
  if (log) return logTicks(low, high, n);
  const step = niceStep(high - low, n);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const large = Math.max(Math.abs(low), Math.abs(high)) >= 1e5 || step < 1e-4;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-6); k * step <= high + 1e-6 * step; k++) {
    const v = k * step;
    found.push([v, large ? short(v, 3) : v.toFixed(k ? digits : 0).replace("-", MINUS)]);
  }
  return found;
}

function logTicks(low, high, n) {
  const every = Math.ceil((high - low) / n);
  const factors = high - low < 2 ? [1, 2, 5] : [1];
  const found = [];
  for (let k = Math.floor(low); k <= high; k += every) {
    for (const f of factors) {
      const place = k + Math.log10(f);
      if (place >= low - 1e-6 && place <= high + 1e-6)
        found.push([f * 10 ** k, short(f * 10 ** k)]);
    }
  }
  return found;
}

/** Where one axes stands on the canvas, and how its data become pixels. */
class Frame {
  /** box: of the canvas, in pixels. xlim and ylim: of logarithms where the axis is logarithmic. */
  place(axes, side, box, size, xlim, ylim) {
    Object.assign(this, { axes, side, box });
    const bare = axes.ticks === false;
    const title = (axes.title ?? "").split("\n").length - 1;
    let left = box[0] + (bare ? 6 : size * (axes.ylabel ? 64 : 46));
    let top = box[1] + (axes.title || axes.legend ? size * (26 + 17 * title) : 10);
    let width = Math.max(10, box[0] + box[2] - (bare ? 6 : 16) - left);
    const foot = bare ? 6 : size * (axes.xlabel ? 39 : 22);
    let height = Math.max(10, box[1] + box[3] - foot - top);
    [this.x0, this.x1] = xlim;
    [this.y0, this.y1] = ylim;
    if (axes.aspect === "equal") {
      const [across, up] = [Math.abs(this.x1 - this.x0), Math.abs(this.y1 - this.y0)];
      const scale = Math.min(width / across, height / up);
      left += (width - scale * across) / 2;
      top += (height - scale * up) / 2;
      [width, height] = [scale * across, scale * up];
    }
    Object.assign(this, { left, top, right: left + width, bottom: top + height });
    this.kx = width / (this.x1 - this.x0);
    this.ky = height / (this.y1 - this.y0);
    this.xlog = axes.xscale === "log";
    this.ylog = axes.yscale === "log";
    this.findTicks(width, height, size);
  }

  findTicks(width, height, size) {
    const key = [this.x0, this.x1, this.y0, this.y1, width, height, size].join();
    if (key !== this.key) {
      this.key = key;
      const across = Math.max(2, width / (62 * size));
      const up = Math.max(2, height / (40 * size));
      this.xticks = ticks(this.x0, this.x1, across, this.xlog);
      this.yticks = ticks(this.y0, this.y1, up, this.ylog);
    }
  }

  x(v) {
    return this.left + ((this.xlog ? Math.log10(v) : v) - this.x0) * this.kx;
  }

  y(v) {
    return this.bottom - ((this.ylog ? Math.log10(v) : v) - this.y0) * this.ky;
  }

  /** The data at a pixel. */
  at(px, py) {
    const x = this.x0 + (px - this.left) / this.kx;
    const y = this.y0 + (this.bottom - py) / this.ky;
    return [this.xlog ? 10 ** x : x, this.ylog ? 10 ** y : y];
  }

  holds(px, py) {
    return px >= this.left && px <= this.right && py >= this.top && py <= this.bottom;
  }
}

// ---- layers

function disc(c, x, y, r) {
  c.moveTo(x + r, y);
  c.arc(x, y, r, 0, 2 * Math.PI);
}

const markers = {
  o: disc,
  ".": (c, x, y, r) => disc(c, x, y, r / 2),
  s: (c, x, y, r) => c.rect(x - r, y - r, 2 * r, 2 * r),
  "^": (c, x, y, r) => {
    c.moveTo(x, y - r);
    c.lineTo(x + r, y + r);
    c.lineTo(x - r, y + r);
    c.closePath();
  },
  x: (c, x, y, r) => {
    c.moveTo(x - r, y - r);
    c.lineTo(x + r, y + r);
    c.moveTo(x - r, y + r);
    c.lineTo(x + r, y - r);
  },
};

const parsed = new Map(); // colours as numbers of a pixel, and back

/** The pixel of a colour "#rrggbb" or "#rrggbbaa", as little-endian memory has it. */
function pixelOf(color) {
  if (!parsed.has(color)) {
    const v = parseInt(color.slice(1).padEnd(8, "f"), 16);
    parsed.set(color, ((v & 255) << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24));
  }
  return parsed.get(color);
}

function points(c, frame, layer, style) {
  const [x, y, rgba] = layer.arrays;
  const r = (Math.sqrt(layer.size ?? 20) / 2) * POINT * Math.sqrt(style.stroke);
  const mark = markers[layer.marker] ?? disc;
  const finish = layer.marker === "x" ? "stroke" : "fill";
  c.lineWidth = Math.max(1, r / 2.5);
  let last = "";
  c.beginPath();
  for (let i = 0; i < x.length; i++) {
    const px = frame.x(x[i]);
    const py = frame.y(y[i]);
    if (!frame.holds(px, py)) continue;
    if (rgba) {
      const color = `rgb(${rgba[4 * i]} ${rgba[4 * i + 1]} ${rgba[4 * i + 2]} / ${rgba[4 * i + 3] / 255})`;
      if (color !== last) {
        c[finish]();
        c.beginPath();
        c.fillStyle = c.strokeStyle = last = color;
      }
    }
    mark(c, px, py, r);
  }
  c[finish]();
}

/** Add a line to the path; what is no number leaves a gap. */
function trace(c, frame, x, y) {
  let down = false;
  for (let i = 0; i < x.length; i++) {
    const px = frame.x(x[i]);
    const py = frame.y(y[i]);
    if (!Number.isFinite(px + py)) down = false;
    else if (down) c.lineTo(px, py);
    else {
      c.moveTo(px, py);
      down = true;
    }
  }
}

function line(c, frame, layer, style) {
  const [x, y] = layer.arrays;
  if (layer.dash !== "none") {
    stroke(c, layer, style);
    c.beginPath();
    trace(c, frame, x, y);
    c.stroke();
    c.setLineDash(SOLID);
  }
  if (layer.marker) points(c, frame, layer, style);
}

function stroke(c, layer, style) {
  c.lineWidth = (layer.width ?? 1.8) * POINT * style.stroke * 0.9;
  const dash = DASHES[layer.dash];
  if (dash) c.setLineDash(dash.map((v) => v * c.lineWidth));
}

function area(c, frame, layer) {
  const [x, low, high] = layer.arrays;
  c.beginPath();
  let begin = 0;
  for (let i = 0; i <= x.length; i++) {
    if (i < x.length && Number.isFinite(x[i] + low[i] + high[i])) continue;
    for (let k = begin; k < i; k++) {
      if (k === begin) c.moveTo(frame.x(x[k]), frame.y(low[k]));
      else c.lineTo(frame.x(x[k]), frame.y(low[k]));
    }
    for (let k = i - 1; k >= begin; k--) c.lineTo(frame.x(x[k]), frame.y(high[k]));
    begin = i + 1;
  }
  c.fill();
}

function bars(c, frame, layer, style) {
  const [left, width, bottom, height] = layer.arrays;
  const snap = (v) => Math.round(v * style.ratio) / style.ratio;
  c.beginPath();
  for (let i = 0; i < left.length; i++) {
    const x = snap(frame.x(left[i]));
    const w = snap(frame.x(left[i] + width[i])) - x;
    const y = Math.min(frame.y(bottom[i]), 1e4); // the 0 of a log axis lies at infinity
    c.rect(x, y, w > 5 ? w - 1 : w, frame.y(bottom[i] + height[i]) - y);
  }
  c.fill();
}

function arrows(c, frame, layer, style) {
  const [x, y, u, v] = layer.arrays;
  stroke(c, layer, style);
  c.beginPath();
  for (let i = 0; i < x.length; i++) {
    arrow(
      c,
      frame.x(x[i]),
      frame.y(y[i]),
      frame.x(x[i] + u[i]),
      frame.y(y[i] + v[i]),
      style.stroke,
    );
  }
  c.stroke();
}

/** Add an arrow to the path; a short one has a small head. */
function arrow(c, x, y, toX, toY, size) {
  const length = Math.hypot(toX - x, toY - y);
  if (!(length > 0.5)) return;
  const head = Math.min(6 * size, 0.45 * length) / length;
  const [dx, dy] = [(x - toX) * head, (y - toY) * head];
  c.moveTo(x, y);
  c.lineTo(toX, toY);
  c.moveTo(toX + dx - 0.5 * dy, toY + dy + 0.5 * dx);
  c.lineTo(toX, toY);
  c.lineTo(toX + dx + 0.5 * dy, toY + dy - 0.5 * dx);
}

function surface(c, frame, layer, style, spare) {
  const snap = (v) => Math.round(v * style.ratio);
  const [x0, x1] = layer.x.map((v) => snap(frame.x(v)));
  const [y0, y1] = layer.y.map((v) => snap(frame.y(v)));
  const [w, h] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
  const scale = Math.min(1, Math.sqrt(CELLS / (w * h)));
  spare.size(Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale)));
  interpolate(layer, spare, x1 < x0, y1 > y0);
  spare.c.putImageData(spare.image, 0, 0);
  c.imageSmoothingEnabled = scale < 1;
  const place = [Math.min(x0, x1), Math.min(y0, y1), w, h].map((v) => v / style.ratio);
  c.drawImage(spare.canvas, ...place);
}

/** Fill the pixels of a spare canvas with the bands of a surface, bilinear between its samples. */
function interpolate(layer, spare, mirrored, upsideDown) {
  const [ny, nx] = layer.shape;
  const [z] = layer.arrays;
  const { pixels, palette, row } = spare;
  const { width, height } = spare.canvas;
  const first = layer.levels[0];
  const factor = fillPalette(layer, palette);
  const [column, part] = spare.columns(nx, mirrored);
  for (let j = 0, p = 0; j < height; j++) {
    const up = ((upsideDown ? j + 0.5 : height - j - 0.5) / height) * (ny - 1);
    const below = Math.min(ny - 2, Math.floor(up));
    const rest = up - below;
    for (let i = 0, k = below * nx; i < nx; i++, k++) {
      row[i] = (z[k] + (z[k + nx] - z[k]) * rest - first) * factor;
    }
    for (let i = 0; i < width; i++, p++) {
      const k = column[i];
      const t = row[k] + (row[k + 1] - row[k]) * part[i];
      pixels[p] = t >= 0 && t < SHADES ? palette[t | 0] : 0; // outside, or nan: clear
    }
  }
}

/** Spread the bands' colours over the palette; return how many of its entries a unit of z has. */
function fillPalette({ levels, colors }, palette) {
  const factor = (SHADES * (1 - 1e-6)) / (levels[levels.length - 1] - levels[0]);
  let begin = 0;
  for (let k = 0; k < colors.length; k++) {
    const end = Math.round((levels[k + 1] - levels[0]) * factor);
    palette.fill(pixelOf(colors[k]), begin, end);
    begin = end;
  }
  return factor;
}

function image(c, frame, layer, style, spare) {
  const [h, w, channels] = layer.shape;
  const [data] = layer.arrays;
  spare.size(w, h);
  const to = spare.image.data;
  const [green, blue] = channels > 1 ? [1, 2] : [0, 0];
  for (let i = 0, k = 0; i < 4 * w * h; i += 4, k += channels) {
    to[i] = data[k];
    to[i + 1] = data[k + green];
    to[i + 2] = data[k + blue];
    to[i + 3] = channels === 4 ? data[k + 3] : 255;
  }
  spare.c.putImageData(spare.image, 0, 0);
  const [x0, x1, y0, y1] = layer.extent;
  const [left, top] = [frame.x(x0), frame.y(y1)];
  const [width, height] = [frame.x(x1) - left, frame.y(y0) - top];
  c.imageSmoothingEnabled = layer.smooth || width * style.ratio < w;
  c.drawImage(spare.canvas, left, top, width, height);
}

function vline(c, frame, layer, style) {
  straight(c, layer, style, frame.x(layer.at), frame.top, frame.x(layer.at), frame.bottom);
}

function hline(c, frame, layer, style) {
  straight(c, layer, style, frame.left, frame.y(layer.at), frame.right, frame.y(layer.at));
}

function straight(c, layer, style, x0, y0, x1, y1) {
  stroke(c, layer, style);
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  c.stroke();
  c.setLineDash(SOLID);
}

function marks(c, frame, layer, style) {
  c.globalAlpha = 0.6;
  c.beginPath();
  for (const x of layer.arrays[0]) markers["^"](c, frame.x(x), frame.bottom - 5, 4 * style.text);
  c.fill();
}

const layers = { points, line, area, bars, arrows, surface, image, vline, hline, marks };

/** A canvas that is not shown, for the pixels of one surface or image; it is kept from picture to picture. */
class Spare {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.c = this.canvas.getContext("2d");
    this.palette = new Int32Array(SHADES);
    this.row = new Float32Array(0);
  }

  size(width, height) {
    if (this.image?.width === width && this.image.height === height) return;
    Object.assign(this.canvas, { width, height });
    this.image = this.c.createImageData(width, height);
    this.pixels = new Int32Array(this.image.data.buffer);
    this.key = "";
  }

  /** For each column of pixels, the sample on its left and how far it is from there. */
  columns(nx, mirrored) {
    const { width } = this.canvas;
    if (this.key !== `${nx} ${mirrored}`) {
      this.key = `${nx} ${mirrored}`;
      this.row = new Float32Array(nx);
      this.column = new Int32Array(width);
      this.part = new Float32Array(width);
      for (let i = 0; i < width; i++) {
        const at = ((mirrored ? width - i - 0.5 : i + 0.5) / width) * (nx - 1);
        this.column[i] = Math.min(nx - 2, Math.floor(at));
        this.part[i] = at - this.column[i];
      }
    }
    return [this.column, this.part];
  }
}

// ---- the whole figure

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.c = canvas.getContext("2d");
    this.style = { ink: "#222", paper: "#fff", grid: "#ddd", text: 1, stroke: 1, ratio: 1 };
    this.frames = [];
    this.kept = []; // limits, for each axes
    this.spares = [];
    this.handles = []; // of the picture: {frame, layer}
    this.widths = new Map(); // of texts
  }

  fit(width, height, ratio) {
    this.style.ratio = ratio;
    Object.assign(this, { width, height });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  /** Forget the limits of the pictures before. */
  forget() {
    this.kept = [];
  }

  draw(sides, stacked) {
    const { c, style } = this;
    c.setTransform(style.ratio, 0, 0, style.ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    this.place(sides, stacked);
    this.handles.length = 0;
    let used = 0;
    for (const frame of this.frames) {
      used = this.drawLayers(frame, used);
      this.drawFrame(frame);
      this.drawHeading(frame);
      for (const layer of frame.axes.layers) this.drawOver(frame, layer);
    }
    if (sides.length > 1) {
      this.font(13, 700);
      sides.forEach((_, s) => {
        const [x, y] = stacked ? [0, (s * this.height) / 2] : [(s * this.width) / 2, 0];
        this.write("AB"[s], x + 8, y + 17 * style.text, "left", style.ink);
      });
    }
  }

  /** Give each axes of each side its place; both sides have the same limits. */
  place(sides, stacked) {
    const n = sides.length;
    const [across, down] = stacked ? [1, n] : [n, 1];
    let k = 0;
    for (let s = 0; s < n; s++) {
      const [left, top] = stacked ? [0, s] : [s, 0];
      sides[s].figure.axes.forEach((axes, i) => {
        if (s === 0) this.kept[i] ??= [null, null];
        const [x, y, w, h] = axes.box;
        const box = [
          ((left + x) / across) * this.width,
          ((top + y) / down) * this.height,
          (w / across) * this.width,
          (h / down) * this.height,
        ];
        const limits = [0, 1].map((axis) => this.limits(sides, i, axis, axes));
        this.frames[k] ??= new Frame();
        this.frames[k++].place(axes, s, box, this.style.text, ...limits);
      });
    }
    this.frames.length = k;
  }

  limits(sides, i, axis, axes) {
    const log = axes[axis === 0 ? "xscale" : "yscale"] === "log";
    const given = (axes[axis === 0 ? "xlim" : "ylim"] ?? [null, null]).map((v) =>
      log && v !== null ? Math.log10(v) : v,
    );
    if (given.includes(null) || !given.every(Number.isFinite)) {
      const all = sides.flatMap((side) => side.figure.axes[i]?.layers ?? []);
      this.kept[i] ??= [null, null];
      this.kept[i][axis] = steady(this.kept[i][axis], span(all, axis, log));
    }
    const [low, high] = given.map((v, end) => (Number.isFinite(v) ? v : this.kept[i][axis][end]));
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  }

  drawLayers(frame, used) {
    const { c, style } = this;
    c.save();
    c.beginPath();
    c.rect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
    c.clip();
    c.lineJoin = "round";
    if (!this.isFull(frame)) this.drawGrid(frame);
    for (const layer of frame.axes.layers) {
      if (!layers[layer.kind]) continue;
      c.globalAlpha = layer.alpha ?? 1;
      c.fillStyle = c.strokeStyle = layer.color ?? style.ink;
      const flat = layer.kind === "surface" || layer.kind === "image";
      const spare = flat ? (this.spares[used++] ??= new Spare()) : null;
      layers[layer.kind](c, frame, layer, style, spare);
    }
    c.restore();
    return used;
  }

  /** Whether a surface or an image lies over the whole frame. */
  isFull(frame) {
    const { axes } = frame;
    return (
      axes.ticks === false || axes.layers.some((l) => l.kind === "surface" || l.kind === "image")
    );
  }

  drawGrid(frame) {
    const { c, style } = this;
    c.strokeStyle = style.grid;
    c.globalAlpha = 0.6;
    c.lineWidth = 1;
    c.beginPath();
    for (const [v] of frame.yticks) {
      const y = this.crisp(frame.y(v));
      c.moveTo(frame.left, y);
      c.lineTo(frame.right, y);
    }
    c.stroke();
  }

  /** The middle of the nearest pixel: a thin line there is not blurred. */
  crisp(v) {
    return (Math.floor(v * this.style.ratio) + 0.5) / this.style.ratio;
  }

  drawFrame(frame) {
    const { c, style } = this;
    const { axes, left, right, top, bottom } = frame;
    if (axes.ticks === false) return;
    const [l, b] = [this.crisp(left), this.crisp(bottom)];
    c.lineWidth = 1;
    c.strokeStyle = style.ink;
    c.globalAlpha = 0.45;
    c.beginPath();
    if (this.isFull(frame)) c.rect(l, this.crisp(top), right - left, b - this.crisp(top));
    else {
      c.moveTo(l, top);
      c.lineTo(l, b);
      c.lineTo(right, b);
    }
    c.stroke();
    c.globalAlpha = 1;
    this.drawTicks(frame);
  }

  drawTicks(frame) {
    const { style } = this;
    const { axes, left, right, top, bottom, box } = frame;
    const size = style.text;
    this.font(12);
    const named = (given, names) => given.map((v, i) => [v, names?.[i] ?? short(v)]);
    const xticks = axes.xticks ? named(axes.xticks, axes.xticklabels) : frame.xticks;
    for (const [v, text] of xticks) {
      const half = this.measure(text) / 2;
      const x = Math.min(frame.x(v), box[0] + box[2] - half - 1);
      if (x > left - 1 && x < right + 1) this.write(text, x, bottom + 16 * size, "center");
    }
    const yticks = axes.yticks ? named(axes.yticks, axes.yticklabels) : frame.yticks;
    for (const [v, text] of yticks) {
      const y = frame.y(v);
      if (y > top - 1 && y < bottom + 1) this.write(text, left - 6, y + 4 * size, "right");
    }
    if (axes.xlabel) this.write(axes.xlabel, (left + right) / 2, bottom + 33 * size, "center");
    if (axes.ylabel) this.writeUpwards(axes.ylabel, box[0] + 14 * size, (top + bottom) / 2);
  }

  writeUpwards(text, x, y) {
    const { c } = this;
    c.save();
    c.translate(x, y);
    c.rotate(-Math.PI / 2);
    this.write(text, 0, 0, "center");
    c.restore();
  }

  font(size, weight = 400) {
    this.c.font = `${weight} ${size * this.style.text}px ${FAMILY}`;
  }

  measure(text) {
    const key = this.c.font + text;
    if (this.widths.size > 1000) this.widths.clear();
    if (!this.widths.has(key)) this.widths.set(key, this.c.measureText(text).width);
    return this.widths.get(key);
  }

  write(text, x, y, align, color = this.style.ink) {
    this.c.textAlign = align;
    this.c.fillStyle = color;
    this.c.fillText(text, x, y);
  }

  /** The title on the left; the legend beside it, or inside the frame where there is no room. */
  drawHeading(frame) {
    const { axes, left, right, top, box } = frame;
    const size = this.style.text;
    let end = left;
    if (axes.title) {
      this.font(13, 600);
      const room = box[0] + box[2] - left - 2;
      const lines = axes.title.split("\n");
      lines.forEach((text, i) => {
        const y = top - 9 * size - 17 * size * (lines.length - 1 - i);
        end = Math.max(end, left + Math.min(room, this.measure(text)) + 16 * size);
        this.c.textAlign = "left";
        this.c.fillStyle = this.style.ink;
        this.c.fillText(text, left, y, room);
      });
    }
    if (!axes.legend) return;
    this.font(12);
    const entries = axes.layers.filter((layer) => layer.label);
    const widths = entries.map((layer) => 16 * size + this.measure(layer.label));
    const whole = widths.reduce((sum, w) => sum + w + 12 * size, -12 * size);
    let x = Math.max(end, right - whole);
    if (x + whole > box[0] + box[2] - 2) return this.drawLegendInside(frame, entries, widths);
    entries.forEach((layer, i) => {
      this.drawEntry(layer, x, top - 9 * size);
      x += widths[i] + 12 * size;
    });
  }

  drawEntry(layer, x, y) {
    const { c, style } = this;
    const size = style.text;
    c.fillStyle = c.strokeStyle = layer.color ?? style.ink;
    c.beginPath();
    if (layer.kind === "points") markers.o(c, x + 6 * size, y - 4 * size, 4 * size);
    else if (layer.kind === "area" || layer.kind === "bars")
      c.rect(x + size, y - 9 * size, 10 * size, 10 * size);
    else c.rect(x, y - 5.2 * size, 12 * size, 2.4 * size);
    c.globalAlpha = Math.max(0.5, layer.alpha ?? 1);
    c.fill();
    c.globalAlpha = 1;
    this.write(layer.label, x + 16 * size, y, "left");
  }

  drawLegendInside(frame, entries, widths) {
    const { c, style } = this;
    const size = style.text;
    const width = Math.max(...widths) + 12 * size;
    const height = (entries.length * 17 + 8) * size;
    const [x, y] = this.emptiest(frame, width, height);
    c.globalAlpha = 0.85;
    c.fillStyle = style.paper;
    c.fillRect(x, y, width, height);
    c.globalAlpha = 1;
    entries.forEach((layer, i) => this.drawEntry(layer, x + 6 * size, y + (17 * i + 17) * size));
  }

  /** The corner with the fewest data; the one before, unless it has become much fuller. */
  emptiest(frame, width, height) {
    const counts = [0, 1, 2, 3].map((k) => {
      const [x, y] = corner(frame, k, width, height);
      let n = 0;
      for (const { kind, arrays } of frame.axes.layers) {
        if (kind !== "points" && kind !== "line") continue;
        for (let i = 0; i < arrays[0].length; i++) {
          const [dx, dy] = [frame.x(arrays[0][i]) - x, frame.y(arrays[1][i]) - y];
          if (dx > 0 && dx < width && dy > 0 && dy < height) n++;
        }
      }
      return n;
    });
    const best = counts.indexOf(Math.min(...counts));
    if (!(counts[frame.corner] <= counts[best] + 20)) frame.corner = best;
    return corner(frame, frame.corner, width, height);
  }

  /** What may reach over the frame: texts and handles. */
  drawOver(frame, layer) {
    const { c, style } = this;
    if (layer.kind === "handle") {
      this.handles.push({ frame, layer });
      const [x, y] = [frame.x(layer.x), frame.y(layer.y)];
      for (const [color, width] of [
        [style.paper, 6],
        [layer.color ?? style.ink, 3],
      ]) {
        c.strokeStyle = color;
        c.lineWidth = width * style.text;
        c.beginPath();
        disc(c, x, y, 7 * style.text);
        c.stroke();
      }
    } else if (layer.kind === "text") {
      const [x, y] =
        layer.coords === "axes"
          ? [
              frame.left + layer.x * (frame.right - frame.left),
              frame.bottom - layer.y * (frame.bottom - frame.top),
            ]
          : [frame.x(layer.x), frame.y(layer.y)];
      this.drawText(layer, x, y);
    } else if (layer.kind === "note") this.drawNote(frame, layer);
  }

  /** Write a text where matplotlib would, but inside the canvas; return its box. */
  drawText(layer, x, y) {
    const { c, style } = this;
    const size = (layer.size ?? 11) * 1.2;
    this.font(size);
    const lines = layer.s.split("\n");
    const step = 1.3 * size * style.text;
    const width = Math.max(...lines.map((text) => this.measure(text)));
    const height = step * lines.length;
    let left = x - { left: 0, center: width / 2, right: width }[layer.ha ?? "left"];
    let top = y - ({ top: 0, center: height / 2, bottom: height }[layer.va] ?? height - 0.3 * step);
    left = Math.max(2, Math.min(left, this.width - width - 2));
    top = Math.max(2, Math.min(top, this.height - height - 2));
    if (layer.box) {
      c.globalAlpha = 0.85;
      c.fillStyle = style.paper;
      c.fillRect(left - 5, top - 3, width + 10, height + 6);
      c.globalAlpha = 1;
    }
    lines.forEach((text, i) => {
      this.write(text, left, top + step * (i + 0.78), "left", layer.color ?? style.ink);
    });
    return [left, top, left + width, top + height];
  }

  drawNote(frame, layer) {
    const { c, style } = this;
    const [x, y] = [frame.x(layer.xy[0]), frame.y(layer.xy[1])];
    const box = this.drawText(layer, frame.x(layer.xytext[0]), frame.y(layer.xytext[1]));
    if (!layer.arrow) return;
    const from = [Math.max(box[0], Math.min(x, box[2])), Math.max(box[1], Math.min(y, box[3]))];
    c.strokeStyle = layer.color ?? style.ink;
    c.lineWidth = 1.2 * style.stroke;
    c.beginPath();
    arrow(c, from[0], from[1], x, y, style.stroke);
    c.stroke();
  }

  // ---- what is under the pointer

  /** The value nearest to a pixel, {x, y, text} with its place, or null. */
  near(px, py) {
    const frame = this.frames.find((f) => f.holds(px, py));
    if (!frame) return null;
    let best = null;
    for (const layer of frame.axes.layers) {
      const found = nearest[layer.kind]?.(frame, layer, px, py);
      if (found && (best === null || found.far <= best.far)) best = found;
    }
    return best;
  }
}

function corner(frame, k, width, height) {
  const x = k % 2 ? frame.left + 6 : frame.right - width - 4;
  return [x, k < 2 ? frame.top + 4 : frame.bottom - height - 6];
}

function nearestPoint(frame, layer, px, py) {
  const [x, y] = layer.arrays;
  let [best, far] = [-1, CLOSEST[layer.kind] ** 2];
  for (let i = 0; i < x.length; i++) {
    const d = (frame.x(x[i]) - px) ** 2 + (frame.y(y[i]) - py) ** 2;
    if (d < far) [best, far] = [i, d];
  }
  if (best < 0) return null;
  const { xlabel, ylabel, title } = frame.axes;
  const [vx, vy] = [short(x[best]), short(y[best])];
  const text =
    layer.kind === "line"
      ? `${xlabel || "x"} ${vx} · ${layer.label || ylabel || title || "y"} ${vy}`
      : `${layer.label ? layer.label + " · " : ""}${xlabel || "x"} ${vx}, ${ylabel || "y"} ${vy}`;
  return { far, x: frame.x(x[best]), y: frame.y(y[best]), text };
}

const nearest = {
  points: nearestPoint,
  line: nearestPoint,

  marks(frame, layer, px, py) {
    const k = layer.arrays[0].findIndex((x) => Math.abs(frame.x(x) - px) < 7);
    if (k < 0 || py < frame.bottom - 14) return null;
    return { far: 0, x: frame.x(layer.arrays[0][k]), y: frame.bottom - 6, text: layer.labels[k] };
  },

  bars(frame, layer, px, py) {
    const [left, width, bottom, height] = layer.arrays;
    const [x] = frame.at(px, py);
    const k = left.findIndex((v, i) => x >= v && x < v + width[i]);
    if (k < 0) return null;
    const { xticks, xticklabels, ylabel } = frame.axes;
    const middle = left[k] + width[k] / 2;
    const name = xticklabels?.[xticks?.findIndex((v) => Math.abs(v - middle) < width[k] / 2)];
    const place = name ?? `${short(left[k])} to ${short(left[k] + width[k])}`;
    const text = `${place} · ${layer.label || ylabel || "height"} ${short(height[k])}`;
    return { far: 400, x: frame.x(middle), y: frame.y(bottom[k] + height[k]), text };
  },

  surface(frame, layer, px, py) {
    const [ny, nx] = layer.shape;
    const [z] = layer.arrays;
    const [x, y] = frame.at(px, py);
    const u = ((x - layer.x[0]) / (layer.x[1] - layer.x[0])) * (nx - 1);
    const v = ((y - layer.y[0]) / (layer.y[1] - layer.y[0])) * (ny - 1);
    if (!(u >= 0 && u <= nx - 1 && v >= 0 && v <= ny - 1)) return null;
    const [i, j] = [Math.min(nx - 2, Math.floor(u)), Math.min(ny - 2, Math.floor(v))];
    const k = j * nx + i;
    const low = z[k] + (z[k + 1] - z[k]) * (u - i);
    const high = z[k + nx] + (z[k + nx + 1] - z[k + nx]) * (u - i);
    const { xlabel, ylabel } = frame.axes;
    const place = `${xlabel || "x"} ${short(x, 3)}, ${ylabel || "y"} ${short(y, 3)}`;
    const text = `${place} · ${layer.label || "value"} ${short(low + (high - low) * (v - j))}`;
    return { far: 500, x: px, y: py, text };
  },
};
