// Numbers of a figure: its arrays, its limits and ticks, and where its axes stand.

const TYPES = { f4: Float32Array, u1: Uint8Array, i2: Int16Array };
const MISSING = { u1: 255, i2: 32767 }; // nan, where numbers were quantised

/** A number as text, with a true minus sign. */
export function short(v, digits = 4) {
  const plain = v === 0 || (Math.abs(v) >= 1e-4 && Math.abs(v) < 1e6);
  const text = plain ? +v.toPrecision(v % 1 ? digits : 7) : v.toExponential(digits - 1);
  return `${text}`.replace(/\.?0*e\+?/, "e").replaceAll("-", "−");
}

/** The one of some things that is least far; the first of two. */
export function closest(things, far) {
  return things.reduce((best, one) => (far(one) < far(best) ? one : best));
}

/** Give each layer its arrays: views of the buffer, or copies where numbers were quantised. */
export function decode(sides, buffer) {
  const read = ([at, size, type, low, step]) => {
    const raw = new TYPES[type](buffer, at, size);
    if (step === undefined) return raw;
    return Float32Array.from(raw, (k) => (k === MISSING[type] ? NaN : low + step * k));
  };
  const axes = sides.flatMap((side) => side.figure.axes);
  for (const layer of axes.flatMap((a) => a.layers)) layer.arrays = layer.data.map(read);
}

// ---- limits and ticks: on a log axis, of the logarithms

/** What must be seen of a layer on an axis (0: x, 1: y), as lists of numbers. */
function reach({ kind, arrays, at, x, y }, axis) {
  if (kind === "area" && axis) return arrays.slice(1);
  if (["points", "line", "arrows", "area"].includes(kind)) return [arrays[axis]];
  if (kind === "handle" && arrays.length) return [arrays[axis]];
  if (kind === "surface" || kind === "handle") return [[axis ? y : x].flat()];
  if (kind === (axis ? "hline" : "vline")) return [[at]];
  if (kind !== "bars") return [];
  const [begin, length] = arrays.slice(2 * axis);
  return [begin, begin.map((v, i) => v + length[i])];
}

export function span(layers, axis, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const values of layers.flatMap((layer) => reach(layer, axis))) {
    for (let i = 0; i < values.length; i++) {
      const v = log ? Math.log10(values[i]) : values[i];
      if (v < low && v > -Infinity) low = v;
      if (v > high && v < Infinity) high = v;
    }
  }
  return [low, high];
}

/** The smallest of ... 1, 2, 5, 10, 20 ... that fits at most n times. */
function niceStep(length, n) {
  const power = 10 ** Math.floor(Math.log10(length / n));
  return power * ([1, 2, 5].find((f) => f * power * n >= length * 0.9999) ?? 10);
}

/** Limits that follow the data in nice steps, and only when they must. */
export function steady(kept, [low, high]) {
  if (!Number.isFinite(high - low)) return kept ?? [0, 1];
  const wide = kept && (low === high || 3 * (high - low) >= kept[1] - kept[0]);
  if (wide && low >= kept[0] && high <= kept[1]) return kept;
  if (wide) [low, high] = [Math.min(low, kept[0]), Math.max(high, kept[1])];
  const step = niceStep(high - low || Math.abs(high) || 1, 5);
  [low, high] = [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
  return low < high ? [low, high] : [low - step, high + step];
}

/** At most about n places, with their texts. */
function ticks(low, high, n, log) {
  if (low > high) [low, high] = [high, low];
  const step = log ? Math.ceil((high - low) / n) : niceStep(high - low, n);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const free = log || step < 1e-4 || Math.max(-low, high) >= 1e5;
  const wide = log && (low < -4 || high > 5);
  const found = [];
  for (let k = Math.ceil(low / step - (log ? 1 : 1e-6)); k <= high / step + 1e-6; k++) {
    for (const f of log && high - low < 2 ? [1, 2, 5] : [1]) {
      const v = log ? f * 10 ** (k * step) : k * step;
      const plain = free || !k ? short(v, 3) : v.toFixed(digits);
      const text = wide ? v.toExponential(0).replace("+", "") : plain;
      found.push([v, text.replace("-", "−")]);
    }
  }
  return found;
}

/** On a log axis what is not above 0 lies far below, but somewhere: bars and areas stand there. */
const logarithm = (v) => Math.log10(Math.max(v, 1e-99));

/** Where axes stand on the canvas, and how their data become pixels. */
export class Frame {
  constructor(axes, side, box, [x0, x1], [y0, y1], size, rows) {
    const bare = axes.ticks === false;
    const lines = (axes.title?.split("\n").length ?? 0) + rows.length; // above
    let left = box[0] + (bare ? 6 : size * (axes.ylabel ? 64 : 46));
    let top = box[1] + (lines ? size * (9 + 17 * lines) : 10);
    let width = Math.max(10, box[0] + box[2] - (bare ? 6 : 16) - left);
    let height = Math.max(10, box[1] + box[3] - (bare ? 6 : size * (axes.xlabel ? 39 : 22)) - top);
    if (axes.aspect === "equal") {
      const [across, up] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
      const scale = Math.min(width / across, height / up);
      [left, top] = [left + (width - scale * across) / 2, top + (height - scale * up) / 2];
      [width, height] = [scale * across, scale * up];
    }
    const [xlog, ylog] = [axes.xscale === "log", axes.yscale === "log"];
    const [kx, ky] = [width / (x1 - x0), height / (y1 - y0)];
    Object.assign(this, { axes, side, box, left, top, xlog, ylog, x0, y0, kx, ky, bare, rows });
    Object.assign(this, { right: left + width, bottom: top + height, width, height });
    const named = (places, names) => places?.map((v, i) => [v, names?.[i] ?? short(v)]);
    const found = (low, high, n, log) => ticks(low, high, Math.max(2, Math.min(8, n / size)), log);
    const xticks = named(axes.xticks, axes.xticklabels) ?? found(x0, x1, width / 50, xlog);
    const yticks = named(axes.yticks) ?? found(y0, y1, height / 40, ylog);
    this.xticks = xticks.filter(([v]) => this.holds(this.x(v), top));
    this.yticks = yticks.filter(([v]) => this.holds(left, this.y(v)));
  }
  x(v) {
    return this.left + ((this.xlog ? logarithm(v) : v) - this.x0) * this.kx;
  }
  y(v) {
    return this.bottom - ((this.ylog ? logarithm(v) : v) - this.y0) * this.ky;
  }
  /** The data at a pixel. */
  at(px, py) {
    const [x, y] = [this.x0 + (px - this.left) / this.kx, this.y0 + (this.bottom - py) / this.ky];
    return [this.xlog ? 10 ** x : x, this.ylog ? 10 ** y : y];
  }
  /** The nearest pixel inside. */
  within(px, py) {
    const x = Math.max(this.left, Math.min(px, this.right));
    return [x, Math.max(this.top, Math.min(py, this.bottom))];
  }
  /** Whether a pixel lies inside, or on the edge. */
  holds(px, py) {
    const [x, y] = this.within(px, py);
    return Math.hypot(px - x, py - y) < 1;
  }
}
