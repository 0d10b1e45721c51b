import { Painter } from "./draw.js";
import { closest, decode, short } from "./frame.js";
import { kinds, make, put, raised } from "./knobs.js";
// The page of a panel: buttons, knobs, time line and picture, on one side of a port.

const PATIENCE = 4000; // ms that a moved control waits for its value to come back in a picture
const EACH = 4; // pictures: one in four is acknowledged, as that costs as much as a picture
const NARROW = 560; // pixels of width below which all axes stand one below the other
const BRUSH = 6; // pixels between two places of a stroke
const MOST = 2000; // places of a drawing, as the kernel takes them
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HTML = `
  <div class="gan-bar"><div class="gan-run">
    <button data-action="play" title="Play or pause (space)">Play</button>
    <button data-action="step" title="Pause, and take one step">Step</button>
    <input class="gan-time" type="range" min="0" max="0" aria-label="Time line"
      title="drag to go back">
    <span class="gan-step">step 0</span>
    <select class="gan-speed" aria-label="Speed" title="Speed"></select>
  </div><div class="gan-more">
    <button data-action="reset" title="Begin again with the same seed">Reset</button>
    <button data-action="new-seed" title="Begin again with another seed">New seed</button>
    <button data-action="keep"
      title="Let these curves stay, for the next run to be compared with">Keep</button>
    <button data-action="compare" title="Go on from here in two ways, side by side">Compare</button>
    <button data-action="code"
      title="Copy this run as Python to the clipboard">Copy as code</button>
    <button data-action="lecture" aria-pressed="false"
      title="All larger, for the back row">A⁺</button>
  </div></div>
  <div class="gan-knobs">
    <div class="gan-presets"></div>
    <div class="gan-side" role="group" aria-label="Knobs"></div>
    <div class="gan-side" role="group" aria-label="Knobs of B"></div>
  </div>
  <div class="gan-stage">
    <canvas class="gan-picture" role="img"></canvas><div class="gan-handles"></div>
    <div class="gan-tip" hidden><span></span></div>
  </div>
  <div class="gan-status" role="status" aria-live="polite"></div>
  <textarea class="gan-code" aria-label="The run as code" rows="8" readonly hidden></textarea>`;

class Panel {
  constructor(el, port) {
    Object.assign(this, { port, knobs: new Map(), held: new Map(), moved: new Map(), waiting: [] });
    Object.assign(this, { ui: {}, buttons: {}, state: {}, shown: 0, told: -EACH, note: "" });
    const attributes = { class: "gan-panel", tabindex: 0, role: "group", "aria-label": "Panel" };
    this.root = make("div", { ...attributes, "data-lm-suppress-shortcuts": "true" });
    this.root.innerHTML = HTML;
    const all = (selector) => [...this.root.querySelectorAll(selector)];
    for (const part of all("[class]")) this.ui[part.className.slice(4)] = part;
    for (const button of all("[data-action]")) this.buttons[button.dataset.action] = button;
    this.sides = all(".gan-side");
    this.painter = new Painter(this.ui.picture, this.held);
    el.append(this.root);
    this.listen();
    port.onmessage = (message, buffer) => this[message.type]?.(message, buffer);
    this.send("hello");
  }
  send(type, more) {
    this.port.send({ type, ...more });
  }

  // ---- what comes: for each type of message a method of its name

  spec({ kind, knobs, presets, speeds, speed }) {
    const { root, ui, sides } = this;
    this.specs = knobs;
    this.fixed = kind === "recording"; // no knob can be moved
    root.dataset.kind = kind;
    root.dataset.moves = this.fixed ? "" : Object.values(knobs).map(({ kind }) => kind).join(" ");
    ui.speed.append(...speeds.map(({ value, label }) => make("option", { value }, label)));
    ui.speed.value = speed;
    ui.presets.append(...presets.map((name) => make("button", { "data-preset": name }, name)));
    const rows = Object.entries(knobs).filter(([, knob]) => kinds[knob.kind]); // a point is dragged
    sides.forEach((box, side) => box.append(...rows.map((row) => this.row(side, ...row))));
  }
  picture(message, buffer) {
    decode(message.sides, buffer);
    // Two may come before a frame: the second waits for the next, unless it answers to a hand.
    const { waiting } = this;
    const knobs = ({ sides }) => JSON.stringify(sides.map((side) => side.knobs));
    if (waiting.length > 1 || waiting.some((one) => knobs(one) !== knobs(message))) waiting.shift();
    waiting.push(message);
    this.status(message.status);
    this.ask();
  }
  status(state) {
    const { root, ui, buttons } = this;
    const { playing, n, text, fault } = (this.state = state);
    put(root.dataset, { playing: String(playing), n: String(n) });
    put(buttons.play, { textContent: playing ? "Pause" : "Play" });
    if (text || fault) this.note = "";
    put(ui.status, { textContent: fault || text || this.note });
    ui.status.classList.toggle("gan-fault", Boolean(fault));
    this.count();
  }
  async code({ text }) {
    const { code, status } = this.ui;
    try {
      await navigator.clipboard.writeText(text);
      this.note = "Copied: paste it into a cell.";
    } catch {
      put(code, { value: text, hidden: false });
      code.select();
      this.note = "This page may not use the clipboard: copy the text below with Ctrl+C.";
    }
    status.textContent = this.note;
  }

  // ---- what is shown

  row(side, name, knob) {
    const tell = (value) => this.move(side, name, value);
    const [show, input, ...more] = kinds[knob.kind](knob, tell);
    Object.assign(input.dataset, { knob: name, side });
    const ariaLabel = input.matches("button") ? `${input.textContent}: ${name}` : name;
    Object.assign(input, { ariaLabel, disabled: this.fixed });
    show(knob.value);
    this.knobs.set(`${side}/${name}`, { show, value: knob.value });
    return make("label", { class: "gan-knob" }, make("span", {}, name), input, ...more);
  }
  /** Write the step and the speed. A recording has not every step: it may stay before the thumb. */
  count() {
    const { speed } = this.state;
    const pace = speed ? ` · ${speed < 10 ? speed.toFixed(1) : Math.round(speed)}/s` : "";
    const n = (this.fixed ? null : this.held.get("time")) ?? this.last?.n ?? 0;
    put(this.ui.step, { textContent: `step ${n}${pace}` });
  }
  /** Ask for the next frame, in which all that waits is done. */
  ask() {
    this.request ||= requestAnimationFrame(() => {
      this.request = 0;
      for (const message of this.moved.values()) this.send("knob", message);
      this.moved.clear();
      if (this.waiting.length) this.show();
      else if (this.dragged || this.painter.ratio !== devicePixelRatio) this.paint();
      else this.point();
    });
  }
  show() {
    const { root, ui, buttons } = this;
    const { frame, sides, words } = (this.last = this.waiting.shift());
    if (this.waiting.length) this.ask();
    put(root.dataset, { sides: String(sides.length) });
    put(buttons.compare, { textContent: sides.length > 1 ? "Stop comparing" : "Compare" });
    const before = this.axes;
    this.axes = sides.flatMap((side) => side.figure.axes).length;
    if (this.axes === before) this.paint();
    else this.dress();
    this.sync();
    put(ui.picture, { ariaLabel: words });
    const knobs = JSON.stringify(sides[0].knobs);
    Object.assign(ui.picture.dataset, { frame, shown: ++this.shown, knobs });
    if (frame < this.told + EACH) return;
    this.told = frame;
    this.send("shown", { frame });
  }
  /** Let the controls show what the picture was drawn with, save those that were just moved. */
  sync() {
    const { n, reached, sides } = this.last;
    sides.forEach((side, k) => {
      for (const [name, value] of Object.entries(side.knobs)) {
        const knob = this.knobs.get(`${k}/${name}`);
        if (this.waits(`${k}/${name}`, value) || !knob || knob.value === value) continue;
        knob.value = value;
        knob.show(value);
      }
    });
    put(this.ui.time, { max: String(Math.max(n, reached)) });
    if (!this.waits("time", n)) put(this.ui.time, { value: String(n) });
    this.count();
  }
  /** Whether a value that was told has not yet come back. */
  waits(key, value) {
    if (String(this.held.get(key)) === String(value)) this.held.delete(key);
    return this.held.has(key);
  }
  hold(key, value) {
    this.held.set(key, value);
    clearTimeout(this.patience);
    this.patience = setTimeout(() => {
      if (this.root.querySelector("input:active")) return this.hold(key, value);
      this.held.clear();
      if (this.last) this.sync();
    }, PATIENCE);
  }
  paint() {
    if (!this.last) return;
    this.dragged = false;
    if (this.painter.ratio !== devicePixelRatio) return this.dress();
    this.painter.draw(this.last.sides, this.rows, this.stroke);
    this.placeHandles();
    this.point();
  }
  /** Take sizes and colours from the page, and paint; on a narrow one each axes has a row. */
  dress() {
    const { picture } = this.ui;
    this.rows = picture.clientWidth < NARROW && this.axes <= 8 ? this.axes : 0;
    picture.style.height = this.rows ? `${260 * this.rows}px` : "";
    const { color, backgroundColor, borderTopColor } = getComputedStyle(this.root);
    const scale = this.root.classList.contains("gan-lecture") ? 1.5 : 1;
    const [ink, paper, grid] = [color, backgroundColor, borderTopColor];
    Object.assign(this.painter, { ink, paper, grid, scale });
    this.painter.fit(picture.clientWidth, picture.clientHeight, devicePixelRatio);
    this.paint();
  }
  /** Show the value under the pointer. */
  point() {
    const { tip, stage } = this.ui;
    const found = this.pointer && this.painter.near(...this.pointer);
    put(tip, { hidden: !found });
    if (!found) return;
    tip.style.transform = `translate(${found.x}px, ${found.y}px)`;
    tip.classList.toggle("gan-left", found.x > stage.clientWidth / 2);
    put(tip.lastChild, { textContent: found.text });
  }
  /** Lay a button over each point that can be dragged. */
  placeHandles() {
    const { handles } = this.ui;
    const found = this.painter.handles;
    if (handles.children.length !== found.length) {
      handles.replaceChildren(...found.map(() => make("button", { class: "gan-handle" })));
    }
    found.forEach(({ name, x, y, i, heights }, k) => {
      const which = heights ? `${name} ${i + 1}, ${short(heights[i], 3)}` : name;
      const ariaLabel = `${which}: drag, or press the arrow keys`;
      put(handles.children[k], { ariaLabel, disabled: this.fixed });
      handles.children[k].style.transform = `translate(${x}px, ${y}px)`;
    });
  }

  // ---- what a hand does

  /** Press at a place of the picture; return what then follows the pointer, or null. */
  grasp(target, px, py) {
    const { handles, frames } = this.painter;
    const k = [...this.ui.handles.children].indexOf(target);
    if (k >= 0) return (x, y) => this.drag(k, x, y);
    const frame = frames.find((one) => one.holds(px, py));
    const rows = handles.filter((one) => one.heights && one.frame === frame);
    if (rows.length) {
      const { name } = closest(rows, ({ x, y }) => Math.hypot(x - px, y - py));
      const row = { name, side: frame.side, from: px };
      return (x, y) => this.sweep(row, x, y);
    }
    if (!frame?.axes.canvas) return null;
    this.stroke = { name: frame.axes.canvas, side: frame.side, arrays: [[], []], size: 20 };
    return (x, y) => this.brush(x, y);
  }
  drag(k, px, py) {
    const handle = this.painter.handles[k];
    const { frame, name, i, heights } = handle;
    const [x, y] = frame.within(px, py);
    const place = frame.at(x, y).map((v) => +v.toPrecision(4));
    // The knob's own heights: those of the picture have fewer digits.
    const now = this.held.get(`${frame.side}/${name}`) ?? this.last.sides[frame.side].knobs[name];
    const value = heights ? raised(now, i, place[1], this.specs[name]) : place;
    Object.assign(handle, heights ? { y: frame.y(value[i]) } : { x, y }); // from here a key goes on
    this.dragged = true;
    this.move(frame.side, name, value);
  }
  /** Draw heights with the mouse: those that it passes come to where it is. */
  sweep(row, px, py) {
    const { handles } = this.painter;
    const all = handles.filter(({ name, frame }) => name === row.name && frame.side === row.side);
    const near = closest(all, ({ x }) => Math.abs(x - px));
    for (const one of all) {
      const passed = (one.x - row.from) * (one.x - px) < 0;
      if (one === near || passed) this.drag(handles.indexOf(one), one.x, py);
    }
    row.from = px;
  }
  /** Paint on to a pixel, in even steps however fast the hand is. */
  brush(px, py) {
    const { name, side, arrays, at } = this.stroke;
    const frame = this.painter.frames.find((one) => one.side === side && one.axes.canvas === name);
    const [fromX, fromY] = at ?? [px, py];
    const parts = at ? Math.floor(Math.hypot(px - fromX, py - fromY) / BRUSH) : 1;
    for (let k = 1; k <= parts; k++) {
      const [x, y] = [fromX + ((px - fromX) * k) / parts, fromY + ((py - fromY) * k) / parts];
      frame.at(...frame.within(x, y)).forEach((v, axis) => arrays[axis].push(+v.toFixed(3)));
    }
    if (parts) this.stroke.at = [px, py];
    this.dragged = true;
    this.ask();
  }
  /** Tell a stroke, which was shown at once, as a whole at its end. */
  painted({ name, side, arrays: [xs, ys] }) {
    this.stroke = null;
    const places = xs.map((x, k) => [x, ys[k]]);
    const knob = this.root.querySelector(`[data-knob="${name}"][data-side="${side}"]`);
    const old = this.held.get(`${side}/${name}`) ?? this.last.sides[side].knobs[name];
    const whole = knob.ariaPressed === "true" ? places : [...old, ...places];
    knob.ariaPressed = "false";
    this.move(side, name, whole.slice(-MOST));
  }
  move(side, name, value) {
    const key = `${side}/${name}`;
    this.hold(key, value);
    if (this.knobs.has(key)) this.knobs.get(key).value = value;
    this.moved.set(key, { side, name, value });
    this.ask();
  }
  act({ action, preset }) {
    this.note = "";
    this.ui.code.hidden = true;
    if (action === "step" || action === "play") this.held.delete("time");
    else this.held.clear();
    if (preset) this.send("preset", { name: preset });
    else if (action === "play") this.send(this.state.playing ? "pause" : "play");
    else if (action === "compare") this.send("compare", { on: this.root.dataset.sides !== "2" });
    else if (action === "lecture") {
      this.buttons.lecture.ariaPressed = this.root.classList.toggle("gan-lecture");
      this.dress();
    } else this.send(action.replace("-", " "));
  }
  press(event) {
    event.stopPropagation(); // the notebook's keys are not meant
    const { key, target, type } = event;
    const handle = target.closest(".gan-handle");
    if (type !== "keydown" || (event.repeat && key === " ")) return;
    if (handle && ARROWS[key]) this.nudge(handle, ...ARROWS[key]);
    else if (key !== " " || target.closest("button, select, textarea, [type=checkbox]")) return;
    else if (this.root.dataset.kind !== "explore") this.act({ action: "play" });
    event.preventDefault();
  }
  /** Move a handle by a key; in a row of heights, keys to the sides go to the next one. */
  nudge(button, right, down) {
    const buttons = [...this.ui.handles.children];
    const k = buttons.indexOf(button);
    const { frame, name, x, y, heights } = this.painter.handles[k];
    if (heights && right) return buttons[k + right]?.focus();
    const step = Math.max(frame.height / 50, (this.specs[name].step ?? 0) * Math.abs(frame.ky));
    this.drag(k, x + (right * frame.width) / 50, y + down * step);
  }
  see(near = this.near) {
    this.near = near;
    const on = near && !document.hidden;
    if (on !== this.visible) this.send("visible", { on });
    this.visible = on;
  }
  listen() {
    const { root, ui } = this;
    const end = new AbortController(); // it has a signal, as listeners want it
    const on = (target, types, job) => {
      for (const type of types.split(" ")) target.addEventListener(type, job, end);
    };
    on(root, "click", ({ target }) => {
      const button = target.closest("[data-action], [data-preset]");
      if (button) this.act(button.dataset);
    });
    on(root, "keydown keypress keyup", (event) => this.press(event));
    on(ui.time, "input", () => {
      if (!this.held.has("time")) this.send("pause");
      this.hold("time", +ui.time.value);
      if (this.fixed) this.send("goto", { n: +ui.time.value }); // it can follow at once
      this.count();
    });
    on(ui.time, "change", () => this.send("goto", { n: +ui.time.value }));
    on(ui.speed, "change", () => this.send("speed", { value: +ui.speed.value }));
    let hand = null; // what follows the pointer as long as it is pressed
    on(ui.stage, "pointerdown pointermove pointerleave", (event) => {
      const { type, target } = event;
      if (!event.isPrimary) return; // another finger
      const box = ui.stage.getBoundingClientRect();
      const place = [event.clientX - box.x, event.clientY - box.y];
      this.pointer = type === "pointerleave" ? null : place;
      if (type === "pointerdown" && event.button === 0 && !this.fixed) {
        target.setPointerCapture(event.pointerId);
        hand = this.grasp(target, ...place);
      }
      // A handle that is pressed stays where it is.
      if (type === "pointermove" || target === ui.picture) hand?.(...place);
      this.ask();
    });
    on(ui.stage, "lostpointercapture", () => {
      hand = null;
      if (this.stroke) this.painted(this.stroke);
    });
    on(document, "visibilitychange", () => this.see());
    const dress = () => this.dress();
    on(matchMedia("(prefers-color-scheme: dark)"), "change", dress);
    const size = new ResizeObserver(dress); // also when the element comes into the page
    const theme = new MutationObserver(dress);
    const view = new IntersectionObserver((seen) => this.see(seen.at(-1).isIntersecting));
    size.observe(ui.stage);
    theme.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    view.observe(root);
    const alive = setInterval(() => this.send("alive", { on: Boolean(this.visible) }), 5000);
    this.close = () => {
      end.abort();
      for (const observer of [size, theme, view]) observer.disconnect();
      clearInterval(alive);
      clearTimeout(this.patience);
      cancelAnimationFrame(this.request);
      this.port.onmessage = () => {};
      root.remove();
    };
  }
}

/** Build a panel inside el; it knows only its port. Return what takes it away again. */
export const panel = (el, port) => new Panel(el, port).close;

function render({ model, el }) {
  const port = { send: (message) => model.send(message) };
  const take = (message, buffers) => {
    const { buffer, byteOffset, byteLength } = buffers?.[0] ?? {};
    port.onmessage(message, buffer?.slice(byteOffset, byteOffset + byteLength));
  };
  model.on("msg:custom", take);
  const close = panel(el, port);
  port.onmessage(model.get("spec"));
  return () => (model.off("msg:custom", take), close());
}

export default { render };
