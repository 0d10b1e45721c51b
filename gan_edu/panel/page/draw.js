import { closest, Frame, short, span, steady } from "./frame.js";
// Draws figures on a canvas: headers in matplotlib's words, with arrays.

const PT = 4 / 3; // CSS pixels
const CELLS = 112_000; // pixels of a surface that are computed; a larger one is scaled
const DASHES = { "--": [3.7, 1.6], ":": [1, 1.65], "-.": [6.4, 1.6, 1, 1.6] }; // in line widths
const SIGNS = { points: "●", area: "■", bars: "■", line: "━━", vline: "━━", hline: "━━" };
const palette = new Int32Array(1024); // of the surface that is being drawn

// ---- layers: one function for each kind; p is the painter, f the frame

/** Add straight lines from place to place to the path. */
function path(c, x, y, ...more) {
  c.moveTo(x, y);
  for (let i = 0; i < more.length; i += 2) c.lineTo(more[i], more[i + 1]);
}

function stroke({ c, scale }, { width, dash }, draw) {
  c.lineWidth = (width ?? 1.8) * PT * scale;
  c.setLineDash((DASHES[dash] ?? []).map((v) => v * c.lineWidth));
  c.beginPath();
  draw();
  c.stroke();
  c.setLineDash([]);
}

function arrow({ c, scale }, x, y, toX, toY) {
  const length = Math.hypot(toX - x, toY - y);
  if (!(length > 0.5)) return;
  const head = Math.min(6 * scale, 0.45 * length) / length;
  const [dx, dy] = [(x - toX) * head, (y - toY) * head];
  path(c, x, y, toX, toY);
  path(c, toX + dx - dy / 2, toY + dy + dx / 2, toX, toY, toX + dx + dy / 2, toY + dy - dx / 2);
}

const markers = {
  o: (c, x, y, r) => (c.moveTo(x + r, y), c.arc(x, y, r, 0, 2 * Math.PI)),
  ".": (c, x, y, r) => markers.o(c, x, y, r / 2),
  s: (c, x, y, r) => c.rect(x - r, y - r, 2 * r, 2 * r),
  "^": (c, x, y, r) => path(c, x, y - r, x + r, y + r, x - r, y + r),
  x: (c, x, y, r) => (path(c, x - r, y - r, x + r, y + r), path(c, x - r, y + r, x + r, y - r)),
};

const layers = {
  points({ c, scale }, f, { arrays: [x, y, rgba], size, marker }) {
    const r = (Math.sqrt(size) / 2) * PT * Math.sqrt(scale);
    const mark = markers[marker] ?? markers.o;
    const finish = () => (marker === "x" ? c.stroke() : c.fill());
    c.lineWidth = Math.max(1, r / 2);
    c.beginPath();
    for (let i = 0; i < x.length; i++) {
      if (rgba) {
        finish();
        const [red, green, blue, alpha] = rgba.subarray(4 * i);
        c.fillStyle = c.strokeStyle = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
        c.beginPath();
      }
      mark(c, f.x(x[i]), f.y(y[i]), r);
    }
    finish();
  },
  line(p, f, layer) {
    const [x, y] = layer.arrays;
    const whole = layer.alpha < 1 || DASHES[layer.dash]; // else in pieces: six times as fast
    const draw = () => {
      for (let i = 0, down = false; i < x.length; i++) {
        const [px, py] = [f.x(x[i]), f.y(y[i])];
        const here = Number.isFinite(px + py); // where not, the line has a gap
        if (here && down) p.c.lineTo(px, py);
        if (here && down && i % 10 === 0 && !whole) (p.c.stroke(), p.c.beginPath(), (down = false));
        if (here && !down) p.c.moveTo(px, py);
        down = here;
      }
    };
    if (layer.dash !== "none") stroke(p, layer, draw);
    if (layer.marker) layers.points(p, f, layer);
  },
  area({ c }, f, { arrays: [x, low, high] }) {
    c.beginPath();
    for (let i = 0, begin = 0; i <= x.length; i++) {
      if (i < x.length && Number.isFinite(x[i] + low[i] + high[i])) continue;
      for (let k = begin; k < i; k++) c[k > begin ? "lineTo" : "moveTo"](f.x(x[k]), f.y(low[k]));
      for (let k = i - 1; k >= begin; k--) c.lineTo(f.x(x[k]), f.y(high[k]));
      begin = i + 1;
    }
    c.fill();
  },
  bars({ c, ratio }, f, { arrays: [left, width, bottom, height] }) {
    const snap = (v) => Math.round(v * ratio) / ratio;
    c.beginPath();
    for (let i = 0; i < left.length; i++) {
      const [x, end] = [snap(f.x(left[i])), snap(f.x(left[i] + width[i]))];
      const y = f.y(bottom[i]);
      c.rect(x, y, end - x - (end - x > 5), f.y(bottom[i] + height[i]) - y);
    }
    c.fill();
  },
  arrows(p, f, layer) {
    const [x, y, u, v] = layer.arrays;
    stroke(p, layer, () => {
      for (let i = 0; i < x.length; i++) {
        arrow(p, f.x(x[i]), f.y(y[i]), f.x(x[i] + u[i]), f.y(y[i] + v[i]));
      }
    });
  },
  surface(p, f, layer) {
    const [[x0, y0], [x1, y1]] = layer.x.map((x, k) => f.within(f.x(x), f.y(layer.y[k])));
    const [left, top] = [Math.min(x0, x1), Math.min(y0, y1)];
    const [width, height] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
    const scale = Math.min(p.ratio, Math.sqrt(CELLS / (width * height))); // for one CSS pixel
    const [w, h] = [Math.floor(width * scale) + 1, Math.floor(height * scale) + 1];
    const spare = p.spare(w, h);
    bands(spare, layer, (i, j) => f.at(left + (i + 0.5) / scale, top + (j + 0.5) / scale));
    p.c.imageSmoothingEnabled = scale < p.ratio;
    p.c.drawImage(spare.canvas, left, top, w / scale, h / scale);
  },
  image(p, f, { arrays: [data], shape: [h, w, channels], extent: [x0, x1, y0, y1], smooth }) {
    const spare = p.spare(w, h);
    for (let i = 0, k = 0; i < 4 * w * h; i++) {
      spare.image.data[i] = channels === 3 && i % 4 === 3 ? 255 : data[k++];
    }
    spare.putImageData(spare.image, 0, 0);
    const [left, top, width] = [f.x(x0), f.y(y1), f.x(x1) - f.x(x0)];
    p.c.imageSmoothingEnabled = smooth || width * p.ratio < w;
    p.c.drawImage(spare.canvas, left, top, width, f.y(y0) - top);
  },
  vline: (p, f, l) => stroke(p, l, () => path(p.c, f.x(l.at), f.top, f.x(l.at), f.bottom)),
  hline: (p, f, l) => stroke(p, l, () => path(p.c, f.left, f.y(l.at), f.right, f.y(l.at))),
  marks({ c, scale }, f, { arrays: [x] }) {
    c.globalAlpha = 0.6;
    c.beginPath();
    for (const v of x) markers["^"](c, f.x(v), f.bottom - 5 * scale, 4 * scale);
    c.fill();
  },
};

/** Between which two of n samples v lies: the number of the first, and how far it is from there. */
function cell(v, [low, high], n) {
  const at = ((v - low) / (high - low)) * (n - 1);
  const k = Math.max(0, Math.min(n - 2, Math.floor(at)));
  return [k, at - k];
}

/** Fill a spare canvas with the bands of a surface, bilinear between its samples. */
function bands(spare, { shape: [ny, nx], arrays: [z], levels, colors, x, y }, at) {
  const { width, height, data } = spare.image;
  const [pixels, column] = [new Int32Array(data.buffer), new Int32Array(width)];
  const [row, part] = [new Float32Array(nx), new Float32Array(width)];
  const [first, size] = [levels[0], palette.length];
  const factor = (size * (1 - 1e-6)) / (levels.at(-1) - first);
  colors.forEach((color, k) => palette.fill(pixel(color), (levels[k] - first) * factor));
  for (let i = 0; i < width; i++) [column[i], part[i]] = cell(at(i, 0)[0], x, nx);
  for (let j = 0, to = 0; j < height; j++) {
    const [below, rest] = cell(at(0, j)[1], y, ny);
    for (let i = 0, k = below * nx; i < nx; i++, k++) {
      row[i] = (z[k] + (z[k + nx] - z[k]) * rest - first) * factor;
    }
    for (let i = 0; i < width; i++, to++) {
      const k = column[i];
      const t = row[k] + (row[k + 1] - row[k]) * part[i];
      pixels[to] = t >= 0 && t < size ? palette[t | 0] : 0; // outside, or nan: clear
    }
  }
  spare.putImageData(spare.image, 0, 0);
}

/** "#rrggbbaa" as little-endian memory has it. */
function pixel(color) {
  return parseInt(color.slice(1).match(/../g).reverse().join(""), 16);
}

// ---- the whole figure

export class Painter {
  /** held: where a hand has just put the points that can be dragged, by "side/name". */
  constructor(canvas, held) {
    Object.assign(this, { canvas, held, c: canvas.getContext("2d"), frames: [], spares: [] });
    Object.assign(this, { scale: 1, kept: {} }); // kept: limits, of each axes those of x and of y
  }
  fit(width, height, ratio) {
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }
  /**
   * rows: so many that each axes has one, where the canvas is narrow; else 0.
   * drawing: the layer that the mouse paints right now.
   */
  draw(sides, rows, drawing) {
    const { c, ratio, scale, width, height } = this;
    const [w, row] = [width / sides.length, height / rows];
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    c.lineJoin = "bevel";
    Object.assign(this, { used: 0, frames: [], handles: [] });
    sides.forEach((side, s) => {
      side.figure.axes.forEach((axes, i) => {
        const [left, top, wide, high] = axes.box;
        const own = [(s + left) * w, top * height, wide * w, high * height];
        const box = rows ? [0, this.frames.length * row, width, row] : own;
        const limits = [0, 1].map((axis) => this.limits(sides, i, axis, axes));
        const labels = this.legend(axes, box[2] - 40 * scale);
        const frame = new Frame(axes, s, box, ...limits, scale, labels);
        this.frames.push(frame);
        this.drawAxes(frame);
        c.fillStyle = this.ink;
        const here = drawing?.side === s && drawing.name === axes.canvas;
        if (here) layers.points(this, frame, drawing);
        this.font(13, 700);
        const name = sides.length > 1 && i === 0 ? "AB"[s] : "";
        this.write(name, box[0] + 8, box[1] + 17 * scale, "left");
      });
    });
  }
  /** The limits of an axis (0: x, 1: y); both sides share them. */
  limits(sides, i, axis, { xlim, ylim, xscale, yscale }) {
    const log = [xscale, yscale][axis] === "log";
    const key = [i, axis, log];
    const given = [xlim, ylim][axis] ?? [NaN, NaN];
    const known = given.map((v) => (log ? Math.log10(v ?? NaN) : (v ?? NaN)));
    const all = sides.flatMap((side) => side.figure.axes[i]?.layers ?? []);
    const image = all.find(({ kind }) => kind === "image");
    let found = image?.extent.slice(2 * axis, 2 * axis + 2); // may run downwards
    if (!found && !known.every(Number.isFinite)) {
      found = span(all, axis, log);
      const exact = all.some(({ kind }) => kind === "surface");
      if (!exact) found = this.kept[key] = steady(this.kept[key], found);
    }
    const [low, high] = known.map((v, k) => (Number.isFinite(v) ? v : found[k]));
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
  }
  drawAxes(f) {
    const { c } = this;
    if (!f.bare) this.drawTicks(f);
    c.save();
    c.beginPath();
    c.rect(f.left, f.top, f.width, f.height);
    c.clip();
    for (const layer of f.axes.layers) {
      c.globalAlpha = layer.alpha ?? 1;
      c.fillStyle = c.strokeStyle = layer.color ?? this.ink;
      layers[layer.kind]?.(this, f, layer);
    }
    c.restore();
    this.drawHeading(f);
    for (const layer of f.axes.layers) over[layer.kind]?.(this, f, layer);
  }
  /** The lines and numbers around the data; where no surface will lie, also a grid. */
  drawTicks(f) {
    const { c, ratio, scale } = this;
    const { axes, left, right, top, bottom, box } = f;
    const crisp = (v) => (Math.floor(v * ratio) + 0.5) / ratio; // there a thin line is sharp
    const draw = (color, alpha, ...paths) => {
      Object.assign(c, { strokeStyle: color, lineWidth: 1, globalAlpha: alpha });
      c.beginPath();
      for (const places of paths) path(c, ...places.map(crisp));
      c.stroke();
      c.globalAlpha = 1;
    };
    const full = axes.layers.some(({ kind }) => kind === "surface" || kind === "image");
    const grid = f.yticks.map(([v]) => [left, f.y(v), right, f.y(v)]);
    if (!full) draw(this.grid, 0.6, ...grid);
    const [l, t] = [left - 1, top - 1];
    draw(this.ink, 0.45, [l, t, l, bottom, right, bottom, ...(full ? [right, t, l, t] : [])]);
    this.font(12);
    for (const [v, text] of f.xticks) {
      const x = Math.min(f.x(v), box[0] + box[2] - c.measureText(text).width / 2 - 1);
      this.write(text, x, bottom + 16 * scale, "center", null, f.width / f.xticks.length);
    }
    for (const [v, text] of f.yticks) this.write(text, left - 6, f.y(v) + 4 * scale, "right");
    this.write(axes.xlabel ?? "", (left + right) / 2, bottom + 33 * scale, "center");
    c.save();
    c.translate(Math.max(box[0] + 14 * scale, left - 50 * scale), (top + bottom) / 2);
    c.rotate(-Math.PI / 2);
    this.write(axes.ylabel ?? "", 0, 0, "center");
    c.restore();
  }
  font(size, weight = 400) {
    this.c.font = `${weight} ${size * this.scale}px system-ui, sans-serif`;
  }
  write(text, x, y, align, color, room) {
    Object.assign(this.c, { textAlign: align, fillStyle: color ?? this.ink });
    this.c.fillText(text, x, y, room);
  }
  /** The labels of a legend in rows that fit: [{width, labels: [[layer, its width], ...]}, ...]. */
  legend({ legend, layers }, room) {
    const rows = [];
    this.font(12);
    for (const layer of legend ? layers.filter(({ label }) => label) : []) {
      const w = this.c.measureText(layer.label).width + 32 * this.scale;
      const row = rows.at(-1);
      if (row && row.width + w <= room) {
        row.labels.push([layer, w]);
        row.width += w;
      } else rows.push({ width: w, labels: [[layer, w]] });
    }
    return rows;
  }
  /** Above the frame: the lines of the title, then the rows of the legend. */
  drawHeading(f) {
    const { scale } = this;
    const edge = f.box[0] + f.box[2] - 2;
    const line = (k) => f.top - (9 + 17 * k) * scale; // from below
    const titles = f.axes.title?.split("\n").reverse() ?? [];
    this.font(13, 600);
    titles.forEach((title, k) => {
      this.write(title, f.left, line(k + f.rows.length), "left", this.ink, edge - f.left);
    });
    this.font(12);
    f.rows.toReversed().forEach((row, k) => {
      let x = Math.min(f.left, edge - row.width + 14 * scale);
      for (const [{ kind, dash, color, label }, w] of row.labels) {
        const sign = DASHES[dash] ? "╍╍" : SIGNS[kind];
        this.write(sign, x + 7 * scale, line(k), "center", color);
        this.write(label, x + 18 * scale, line(k), "left");
        x += w;
      }
    });
  }
  /** Write a text where matplotlib would, but inside the canvas; return its box. */
  drawText({ s, size = 11, ha = "left", va = "baseline", box, color }, x, y) {
    this.font(size * 1.2);
    const lines = s.split("\n");
    const step = 1.5 * size * this.scale;
    const w = Math.max(...lines.map((line) => this.c.measureText(line).width));
    const h = step * lines.length;
    const across = { left: 0, center: w / 2, right: w }[ha];
    const up = { top: 0, center: h / 2, bottom: h }[va] ?? h - 0.25 * step;
    const left = Math.max(2, Math.min(x - across, this.width - w - 2));
    const top = Math.max(2, Math.min(y - up, this.height - h - 2));
    if (box) {
      Object.assign(this.c, { fillStyle: this.paper, globalAlpha: 0.85 });
      this.c.fillRect(left - 5, top - 2, w + 10, h + 4);
      this.c.globalAlpha = 1;
    }
    lines.forEach((line, k) => this.write(line, left, top + step * (k + 0.75), "left", color));
    return [left, top, left + w, top + h];
  }
  /** A canvas that is not shown, for the pixels of the next surface or image. */
  spare(width, height) {
    const c = (this.spares[this.used++] ??= document.createElement("canvas").getContext("2d"));
    if (c.image?.width !== width || c.image.height !== height) {
      Object.assign(c.canvas, { width, height });
      c.image = c.createImageData(width, height);
    }
    return c;
  }
  /** The value nearest to a pixel: {x, y, text}, or null. */
  near(px, py) {
    const f = this.frames.find((frame) => frame.holds(px, py));
    const found = f?.axes.layers.map((layer) => nearest[layer.kind]?.(f, layer, px, py)) ?? [];
    const upper = found.filter(Boolean).reverse(); // of two as near, the one that lies above
    return upper.length ? closest(upper, (one) => one.far) : null;
  }
}

// What may reach over the frame.
const over = {
  text(p, f, layer) {
    if (layer.coords !== "axes") p.drawText(layer, f.x(layer.x), f.y(layer.y));
    else p.drawText(layer, f.left + layer.x * f.width, f.bottom - layer.y * f.height);
  },
  note(p, f, layer) {
    const [x, y] = [f.x(layer.xy[0]), f.y(layer.xy[1])];
    const [l, t, r, b] = p.drawText(layer, f.x(layer.xytext[0]), f.y(layer.xytext[1]));
    const [fromX, fromY] = [Math.max(l, Math.min(x, r)), Math.max(t, Math.min(y, b))];
    p.c.strokeStyle = layer.color ?? p.ink;
    if (layer.arrow) stroke(p, { width: 1 }, () => arrow(p, fromX, fromY, x, y));
  },
  /** A point that is dragged, or a row of them that go up and down: the heights of a knob. */
  handle(p, f, { name, color, arrays: [xs, ys], ...layer }) {
    const held = p.held.get(`${f.side}/${name}`);
    const heights = xs && [...(held ?? ys)];
    const places = heights?.map((y, i) => [xs[i], y]) ?? [held ?? [layer.x, layer.y]];
    places.forEach((place, i) => {
      const [x, y] = [f.x(place[0]), f.y(place[1])];
      p.handles.push({ name, frame: f, x, y, i, heights });
      const ring = (width) => stroke(p, { width }, () => markers.o(p.c, x, y, 7 * p.scale));
      p.c.strokeStyle = p.paper;
      ring(5);
      p.c.strokeStyle = color ?? p.ink;
      ring(2.5);
    });
  },
};

// ---- values under the pointer: the nearest wins, a surface where nothing else is near

function nearestPoint(f, { kind, label, arrays: [x, y] }, px, py) {
  let [k, far] = [-1, kind === "line" ? 24 : 12];
  for (let i = 0; i < x.length; i++) {
    const d = Math.hypot(f.x(x[i]) - px, f.y(y[i]) - py);
    if (d < far) [k, far] = [i, d];
  }
  if (k < 0) return null;
  const { xlabel = "x", ylabel = "y", title = ylabel } = f.axes;
  const [at, value] = [`${xlabel} ${short(x[k])}`, short(y[k])];
  const point = `${label ? `${label} · ` : ""}${at}, ${ylabel} ${value}`;
  const text = kind === "line" ? `${at} · ${label ?? title} ${value}` : point;
  return { far, x: f.x(x[k]), y: f.y(y[k]), text };
}

const nearest = {
  points: nearestPoint,
  line: nearestPoint,
  marks(f, { arrays: [x], labels }, px, py) {
    const k = py < f.bottom - 14 ? -1 : x.findIndex((v) => Math.abs(f.x(v) - px) < 7);
    return k < 0 ? null : { far: 0, x: f.x(x[k]), y: f.bottom - 6, text: labels[k] };
  },
  bars(f, { label, arrays: [left, width, bottom, height] }, px, py) {
    const [at] = f.at(px, py);
    const k = left.findIndex((v, i) => at >= v && at < v + width[i]);
    if (k < 0) return null;
    const { xticks, xticklabels, ylabel = "height" } = f.axes;
    const end = left[k] + width[k];
    const name = xticklabels?.[xticks?.findIndex((v) => v >= left[k] && v < end)];
    const place = name ?? `${short(left[k])} to ${short(end)}`;
    const text = `${place} · ${label ?? ylabel} ${short(height[k])}`;
    return { far: 30, x: f.x(left[k] + width[k] / 2), y: f.y(bottom[k] + height[k]), text };
  },
  surface(f, { label, shape: [ny, nx], arrays: [z], x, y }, px, py) {
    const at = f.at(px, py);
    const [[i, u], [j, v]] = [cell(at[0], x, nx), cell(at[1], y, ny)];
    if (Math.min(u, v) < 0 || Math.max(u, v) > 1) return null;
    const along = (k) => z[k] * (1 - u) + z[k + 1] * u;
    const value = along(j * nx + i) * (1 - v) + along((j + 1) * nx + i) * v;
    const { xlabel = "x", ylabel = "y" } = f.axes;
    const place = `${xlabel} ${short(at[0], 3)}, ${ylabel} ${short(at[1], 3)}`;
    return { far: 40, x: px, y: py, text: `${place} · ${label ?? "value"} ${short(value)}` };
  },
};
