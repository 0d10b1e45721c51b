import { Painter } from "./draw.js";
import { decode, short } from "./frame.js";
import { kinds, make, put, raised } from "./knobs.js";
// The page of a panel: buttons, knobs, time line and picture, on one side of a port.

const PATIENCE = 4000; // ms that a moved control waits for its value to come back in a picture
const EACH = 4; // pictures: one in four is acknowledged, as that costs as much as a picture
const NARROW = 560; // pixels of width below which all axes stand one below the other
const LEFT = { recording: "play step lecture", explore: "lecture" }; // the buttons of these kinds
const BRUSH = 6; // pixels between two places of a stroke
const MOST = 2000; // places of a drawing, as the kernel takes them
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HTML = `
  <div class="gan-bar"><div class="gan-run">
    <button data-action="play" title="Play or pause (space)"><i></i><b>Play</b></button>
    <button data-action="step" title="Pause, and take one step">Step</button>
    <input class="gan-time" type="range" min="0" max="0" aria-label="Time line" title="drag to go back">
    <span class="gan-step">step 0</span>
    <select class="gan-speed" aria-label="Speed" title="Speed"></select>
  </div><div class="gan-more">
    <button data-action="reset" title="Begin again with the same seed">Reset</button>
    <button data-action="new-seed" title="Begin again with another seed">New seed</button>
    <button data-action="keep" title="Let these curves stay, for the next run to be compared with">Keep</button>
    <button data-action="compare" title="Go on from here in two ways, side by side">Compare</button>
    <button data-action="code" title="Copy this run as Python to the clipboard">Copy as code</button>
    <button data-action="lecture" title="All larger, for the back row" aria-pressed="false">A⁺</button>
  </div></div>
  <div class="gan-knobs">
    <div class="gan-presets"></div>
    <div class="gan-side"></div><div class="gan-side"></div>
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
    Object.assign(this, { ui: {}, buttons: {}, shown: 0, told: -EACH, status: {}, last: null, note: "" });
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
    port.onmessage = (message, buffer) => this.take(message, buffer);
    this.send("hello");
  }
  send(type, more) {
    this.port.send({ type, ...more });
  }
  take(message, buffer) {
    if (message.type === "spec") this.begin(message);
    else if (message.type === "status") this.say(message);
    else if (message.type === "code") this.copy(message.text);
    else if (message.type === "picture") {
      decode(message.sides, buffer);
      // Two may come before a frame: the second waits for the next one, unless it answers to a hand.
      const knobs = ({ sides }) => JSON.stringify(sides.map((side) => side.knobs));
      const [first] = this.waiting;
      if (this.waiting.length > 1 || (first && knobs(first) !== knobs(message))) this.waiting.shift();
      this.waiting.push(message);
      this.say(message.status);
      this.ask();
    }
  }
  begin({ kind, knobs, presets, speeds, speed }) {
    const { root, ui } = this;
    root.dataset.kind = kind;
    ui.run.hidden = kind === "explore";
    for (const [action, b] of Object.entries(this.buttons)) {
      b.hidden = !(LEFT[kind] ?? action).split(" ").includes(action);
    }
    ui.speed.replaceChildren(...speeds.map((s) => make("option", { value: s.value }, s.label)));
    ui.speed.value = speed;
    const chips = presets.map((name) => make("button", { "data-preset": name }, name));
    ui.presets.replaceChildren(...chips);
    this.spec = knobs;
    for (const kind of ["bars", "sketch"]) {
      root.toggleAttribute(`data-${kind}`, Object.values(knobs).some((knob) => knob.kind === kind));
    }
    this.knobs.clear();
    this.sides.forEach((box, side) => {
      const rows = Object.entries(knobs).filter(([, knob]) => kinds[knob.kind]); // a point is dragged
      box.replaceChildren(...rows.map(([name, knob]) => this.row(side, name, knob)));
    });
    this.painter.kept = [];
  }
  row(side, name, knob) {
    const tell = (value) => this.move(side, name, value);
    const [show, input, ...more] = kinds[knob.kind](knob, tell);
    Object.assign(input.dataset, { knob: name, side });
    const ariaLabel = input.matches("button") ? `${input.textContent}: ${name}` : name;
    Object.assign(input, { ariaLabel, disabled: this.root.dataset.kind === "recording" });
    show(knob.value);
    this.knobs.set(`${side}/${name}`, { show, value: knob.value });
    return make("label", { class: "gan-knob" }, make("span", {}, name), input, ...more);
  }
  say(status) {
    const { root, ui, buttons } = this;
    const { playing, n, text, fault } = (this.status = status);
    put(root.dataset, { playing: String(playing), n: String(n) });
    put(buttons.play.lastChild, { textContent: playing ? "Pause" : "Play" });
    if (text || fault) this.note = "";
    put(ui.status, { textContent: fault || text || this.note });
    ui.status.classList.toggle("gan-fault", Boolean(fault));
    this.count();
  }
  /** Write the step and the speed. */
  count() {
    const { speed } = this.status;
    const pace = speed ? ` · ${speed < 10 ? speed.toFixed(1) : Math.round(speed)}/s` : "";
    const n = this.held.get("time") ?? this.last?.n ?? 0;
    put(this.ui.step, { textContent: `step ${n}${pace}` });
  }
  async copy(text) {
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
  /** Ask for the next frame, in which all that waits is done. */
  ask() {
    this.request ||= requestAnimationFrame(() => {
      this.request = 0;
      for (const message of this.moved.values()) this.send("knob", message);
      this.moved.clear();
      if (this.waiting.length) this.show();
      else if (this.dragged) this.paint();
      else this.point();
    });
  }
  show() {
    const { root, ui, buttons } = this;
    const { frame, n, sides, words } = (this.last = this.waiting.shift());
    if (this.waiting.length) this.ask();
    const rows = sides.flatMap((side) => side.figure.axes).length;
    if (root.dataset.sides !== String(sides.length) || rows !== this.axes) {
      this.axes = rows;
      root.dataset.sides = sides.length;
      buttons.compare.textContent = sides.length > 1 ? "Stop comparing" : "Compare";
      this.fit();
    }
    this.paint();
    this.sync();
    put(root.dataset, { n: String(n) });
    put(ui.picture, { ariaLabel: words });
    const knobs = JSON.stringify(sides[0].knobs);
    Object.assign(ui.picture.dataset, { frame, shown: ++this.shown, knobs });
    if (frame < this.told + EACH) return;
    this.told = frame;
    this.send("shown", { frame });
  }
  /** Let the controls show what the picture was drawn with, save those that a hand has just moved. */
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
    const still = this.waits("time", n) || this.waits("thumb", n);
    if (!still) put(this.ui.time, { value: String(n) });
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
    if (this.painter.ratio !== devicePixelRatio) this.fit();
    this.painter.draw(this.last.sides, this.rows, this.stroke);
    this.placeHandles();
    this.point();
  }
  /** Give the canvas as many pixels as it has on the screen; on a narrow one each axes has a row. */
  fit() {
    const { picture, stage } = this.ui;
    this.rows = stage.clientWidth < NARROW && this.axes <= 8 ? this.axes : 0;
    this.root.toggleAttribute("data-narrow", this.rows > 0);
    this.root.style.setProperty("--gan-rows", this.rows);
    this.painter.fit(picture.clientWidth, picture.clientHeight, devicePixelRatio);
  }
  /** Take colours and sizes from the page. */
  dress() {
    const light = document.body.dataset.jpThemeLight ?? String(!this.night.matches);
    this.root.dataset.dark = light === "false";
    const css = getComputedStyle(this.root);
    const color = (name) => css.getPropertyValue(`--gan-${name}`);
    const colors = { ink: color("ink"), paper: color("paper"), grid: color("line") };
    const [text, thick] = this.root.classList.contains("gan-lecture") ? [1.5, 1.6] : [1, 1];
    Object.assign(this.painter, colors, { text, thick });
    this.paint();
  }
  /** Show the value under the pointer. */
  point() {
    const { tip, stage } = this.ui;
    const found = this.last && this.pointer ? this.painter.near(...this.pointer) : null;
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
      handles.replaceChildren(...found.map((_, k) => this.handle(k)));
    }
    found.forEach(({ name, x, y, i, heights }, k) => {
      handles.children[k].style.transform = `translate(${x}px, ${y}px)`;
      const which = heights ? `${name} ${i + 1}, ${short(heights[i], 3)}` : name;
      put(handles.children[k], { ariaLabel: `${which}: drag, or press the arrow keys` });
    });
  }
  handle(k) {
    const button = make("button", { class: "gan-handle" });
    button.disabled = this.root.dataset.kind === "recording";
    button.onpointerdown = ({ pointerId }) => button.setPointerCapture(pointerId);
    button.onpointermove = (event) => {
      if (button.hasPointerCapture(event.pointerId)) this.drag(k, ...this.place(event));
    };
    button.onkeydown = (event) => {
      if (!ARROWS[event.key]) return;
      event.preventDefault();
      const { frame, name, x, y, heights } = this.painter.handles[k];
      const [right, down] = ARROWS[event.key];
      if (heights && right) return this.ui.handles.children[k + right]?.focus();
      const [w, h] = [frame.right - frame.left, frame.bottom - frame.top];
      const step = Math.max(h / 50, (this.spec[name].step ?? 0) * Math.abs(frame.ky));
      this.drag(k, x + (right * w) / 50, y + down * (heights ? step : h / 50));
    };
    return button;
  }
  drag(k, px, py) {
    const handle = this.painter.handles[k];
    const { frame, name, i, heights } = handle;
    const [x, y] = frame.within(px, py);
    const place = frame.at(x, y);
    const now = this.held.get(`${frame.side}/${name}`) ?? heights;
    const rounded = place.map((v) => +v.toPrecision(4));
    const value = heights ? raised(now, i, rounded[1], this.spec[name]) : rounded;
    Object.assign(handle, heights ? { y: frame.y(value[i]) } : { x, y }); // the next key goes on from here
    this.dragged = true;
    this.move(frame.side, name, value);
  }
  /** Draw heights with the mouse: those that it passes come to where it is. */
  sweep(event) {
    const [px, py] = this.place(event);
    const { handles } = this.painter;
    const far = ({ x, y }) => Math.hypot(x - px, event.type === "pointerdown" ? y - py : 0);
    const same = (one) => one.name === this.swept?.name && one.frame.side === this.swept.side;
    const open = handles.filter((one) => one.heights && (this.swept ? same(one) : one.frame.holds(px, py)));
    if (!open.length) return;
    const near = open.reduce((best, one) => (far(one) < far(best) ? one : best));
    const { from = px } = this.swept ?? {};
    for (const one of open) {
      const passed = (one.x - from) * (one.x - px) < 0;
      if (one === near || passed) this.drag(handles.indexOf(one), one.x, py);
    }
    this.swept = { name: near.name, side: near.frame.side, from: px };
  }
  /** Paint with the mouse: a stroke is shown at once, and told as a whole at its end. */
  stroked(event) {
    const [px, py] = this.place(event);
    if (event.type === "pointerdown") {
      const frame = this.painter.frames.find((one) => one.axes.canvas && one.holds(px, py));
      this.stroke = frame && { side: frame.side, name: frame.axes.canvas, places: [], px, py };
    }
    const { stroke } = this;
    const find = ({ side, axes }) => side === stroke?.side && axes.canvas === stroke.name;
    const frame = this.painter.frames.find(find);
    if (!frame) return;
    // Evenly spaced, however fast the hand was.
    const parts = Math.max(1, Math.floor(Math.hypot(px - stroke.px, py - stroke.py) / BRUSH));
    const moved = Math.hypot(px - stroke.px, py - stroke.py) >= BRUSH;
    for (let k = 1; k <= parts && (moved || !stroke.places.length); k++) {
      const part = ([from, to]) => from + ((to - from) * k) / parts;
      const at = frame.at(...frame.within(part([stroke.px, px]), part([stroke.py, py])));
      stroke.places.push(at.map((v) => +v.toFixed(3)));
    }
    if (moved) Object.assign(stroke, { px, py });
    this.dragged = true;
    if (event.type === "pointerup") this.painted(stroke);
    this.ask();
  }
  painted({ side, name, places }) {
    this.stroke = null;
    const knob = this.root.querySelector(`[data-knob="${name}"][data-side="${side}"]`);
    const old = this.held.get(`${side}/${name}`) ?? this.last.sides[side].knobs[name];
    const whole = knob.ariaPressed === "true" ? places : [...old, ...places];
    knob.ariaPressed = "false";
    this.move(side, name, whole.slice(-MOST));
  }
  /** Where in the picture the pointer is. */
  place({ clientX, clientY }) {
    const box = this.ui.stage.getBoundingClientRect();
    return [clientX - box.x, clientY - box.y];
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
    const goesOn = action === "step" || action === "play";
    for (const key of goesOn ? ["time", "thumb"] : [...this.held.keys()]) this.held.delete(key);
    if (preset) this.send("preset", { name: preset });
    else if (action === "play") this.send(this.status.playing ? "pause" : "play");
    else if (action === "compare") this.send("compare", { on: this.root.dataset.sides !== "2" });
    else if (action === "lecture") {
      this.buttons.lecture.ariaPressed = this.root.classList.toggle("gan-lecture");
      this.dress();
    } else this.send(action.replace("-", " "));
  }
  goBack() {
    if (!this.held.has("time")) this.send("pause");
    this.hold("time", +this.ui.time.value);
    this.count();
  }
  press(event) {
    event.stopPropagation(); // the notebook's keys are not meant
    const own = event.target.closest("button, select, textarea, [type=checkbox]");
    if (event.type !== "keydown" || event.key !== " " || own) return;
    event.preventDefault();
    if (!this.ui.run.hidden) this.act({ action: "play" });
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
    this.night = matchMedia("(prefers-color-scheme: dark)");
    on(root, "click", ({ target }) => {
      const button = target.closest("[data-action], [data-preset]");
      if (button) this.act(button.dataset);
    });
    on(root, "keydown keypress keyup", (event) => this.press(event));
    on(ui.time, "input", () => this.goBack());
    on(ui.time, "change", () => {
      const n = +ui.time.value;
      if (root.dataset.kind === "recording") {
        this.held.delete("time"); // it has not every step,
        this.hold("thumb", n); // but arrow keys must come to the next that it has
      }
      this.send("goto", { n });
    });
    on(ui.speed, "change", () => this.send("speed", { value: +ui.speed.value }));
    on(ui.stage, "pointermove pointerleave", (event) => {
      this.pointer = event.type === "pointermove" ? this.place(event) : null;
      this.ask();
    });
    on(ui.picture, "pointerdown pointermove pointerup", (event) => {
      if (event.type === "pointerdown") ui.picture.setPointerCapture(event.pointerId);
      const on = ui.picture.hasPointerCapture(event.pointerId) && event.type !== "pointerup";
      if (root.dataset.kind === "recording") return;
      if (on) this.sweep(event);
      else this.swept = null;
      if (on || this.stroke) this.stroked(event);
    });
    on(document, "visibilitychange", () => this.see());
    on(this.night, "change", () => this.dress());
    // Colours anew too: an element that is not yet in the page has none.
    const size = new ResizeObserver(() => (this.fit(), this.dress()));
    const theme = new MutationObserver(() => this.dress());
    const view = new IntersectionObserver((seen) => this.see(seen.at(-1).isIntersecting));
    size.observe(ui.stage);
    theme.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
    view.observe(root);
    const alive = setInterval(() => this.send("alive"), 5000);
    this.close = () => {
      end.abort();
      for (const observer of [size, theme, view]) observer.disconnect();
      clearInterval(alive);
      clearTimeout(this.patience);
      cancelAnimationFrame(this.request);
      this.port.onmessage = () => {};
      root.remove();
    };
    this.dress();
  }
}

/** Build a panel inside el; it knows only its port. Return what takes it away again. */
export function panel(el, port) {
  const built = new Panel(el, port);
  return () => built.close();
}

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
