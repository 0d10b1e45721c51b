import { Painter, decode, short } from "./draw.js";
// The page of a panel: buttons, knobs, time line and picture, on one side of a port.

const ALIVE = 5000; // ms between two signs of life
const PATIENCE = 4000; // ms that a moved control waits until its value comes back in a picture
const NARROW = 560; // pixels below which two sides stand one below the other
const LEFT = { recording: ["play", "step", "lecture"], explore: ["lecture"] }; // buttons of a kind
const BUTTONS = [
  ["reset", "Reset", "Begin again with the same seed"],
  ["new-seed", "New seed", "Begin again with another seed"],
  ["keep", "Keep", "Let these curves stay, to compare the next run with them"],
  ["compare", "Compare", "Go on from here in two ways, side by side"],
  ["code", "Copy as code", "Copy this run to the clipboard as Python"],
  ["lecture", "A⁺", "Lecture size: all larger, for the back row"],
];
const HTML = `
  <div class="gan-bar">
    <div class="gan-run">
      <button type="button" data-action="play" title="Play or pause (space)"><i></i><b>Play</b></button>
      <button type="button" data-action="step" title="Pause, and take one step">Step</button>
      <input class="gan-time" type="range" min="0" max="0" aria-label="Time line" title="drag to go back">
      <span class="gan-step"></span>
      <select class="gan-speed" aria-label="Speed" title="Speed"></select>
    </div>
    <div class="gan-more">${BUTTONS.map(
      ([action, text, title]) => `
      <button type="button" data-action="${action}" title="${title}">${text}</button>`,
    ).join("")}
    </div>
  </div>
  <div class="gan-knobs">
    <div class="gan-presets" role="group" aria-label="Presets"></div>
    <div class="gan-side" data-side="0"></div>
    <div class="gan-side" data-side="1"></div>
  </div>
  <div class="gan-stage">
    <canvas class="gan-picture" role="img"></canvas>
    <div class="gan-handles"></div>
    <div class="gan-tip" hidden><i></i><span></span></div>
  </div>
  <div class="gan-status" role="status" aria-live="polite"></div>
  <textarea class="gan-code" aria-label="The run as code" rows="8" readonly hidden></textarea>`;

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Set what has changed, and nothing else: the page lays itself out less often. */
function put(element, values) {
  for (const [name, value] of Object.entries(values)) {
    if (element[name] !== value) element[name] = value;
  }
}

// ---- knobs: each kind makes an element, shows a value in it, and tells what a hand does

const kinds = {
  slider(knob, tell) {
    const { low, high, log } = knob;
    const step = knob.step || (high - low) / 200;
    const parts = log ? 200 : Math.round((high - low) / step);
    const text = make("span", { class: "gan-value" });
    // Rounded down, so that the last part ends before 1.
    const input = make("input", {
      type: "range",
      min: 0,
      max: 1,
      step: Math.floor(1e9 / parts) / 1e9,
    });
    const value = () => {
      const free = log
        ? low * (high / low) ** input.value
        : low + Math.round((input.value * (high - low)) / step) * step;
      return Math.max(low, Math.min(high, +free.toPrecision(log ? 3 : 9)));
    };
    const say = (v) => put(text, { textContent: short(v, log ? 3 : 4) });
    input.oninput = () => (say(value()), tell(value()));
    const show = (v) => {
      input.value = log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low);
      say(v);
    };
    return { parts: [input, text], show };
  },

  choice(knob, tell) {
    const input = make("select", {}, ...knob.options.map((v) => make("option", {}, String(v))));
    input.onchange = () => tell(knob.options[input.selectedIndex]);
    return { parts: [input], show: (v) => (input.selectedIndex = knob.options.indexOf(v)) };
  },

  switch(knob, tell) {
    const input = make("input", { type: "checkbox" });
    input.onchange = () => tell(input.checked);
    return { parts: [input], show: (v) => (input.checked = v) };
  },
};

class Panel {
  constructor(el, port) {
    Object.assign(this, { port, ui: {}, knobs: new Map(), held: new Map(), moved: new Map() });
    Object.assign(this, { shown: 0, kind: "live", playing: false, last: null, note: "" });
    const attributes = { class: "gan-panel", tabindex: 0, role: "group", "aria-label": "Panel" };
    this.root = make("div", { ...attributes, "data-lm-suppress-shortcuts": "true" });
    this.root.innerHTML = HTML;
    for (const part of this.root.querySelectorAll("[class]"))
      this.ui[part.className.slice(4)] = part;
    this.buttons = [...this.root.querySelectorAll("[data-action]")];
    this.sides = [...this.root.querySelectorAll("[data-side]")];
    this.painter = new Painter(this.ui.picture);
    el.append(this.root);
    this.listen();
    port.onmessage = (message, buffer) => this.take(message, buffer);
    this.send("hello");
  }

  send(type, more) {
    this.port.send({ type, ...more });
  }

  // ---- what the other side says

  take(message, buffer) {
    if (message.type === "spec") this.begin(message);
    else if (message.type === "status") this.say(message);
    else if (message.type === "code") this.copy(message.text);
    else if (message.type === "picture") {
      decode(message.sides, buffer);
      Object.assign(this, { last: message, fresh: true });
      this.ask();
    }
  }

  begin({ kind, title, knobs, presets, speeds, speed, height }) {
    this.kind = this.root.dataset.kind = kind;
    if (title) this.root.ariaLabel = title;
    this.ui.run.hidden = kind === "explore";
    for (const b of this.buttons) b.hidden = !(LEFT[kind]?.includes(b.dataset.action) ?? true);
    this.ui.speed.replaceChildren(
      ...speeds.map((s) => make("option", { value: s.value }, s.label)),
    );
    this.ui.speed.value = speed;
    const chip = (name) => make("button", { type: "button", "data-preset": name }, name);
    this.ui.presets.replaceChildren(...presets.map(chip));
    this.knobs.clear();
    this.sides.forEach((box, side) => {
      const rows = Object.entries(knobs).map(([name, knob]) => this.row(side, name, knob));
      box.replaceChildren(...rows.filter(Boolean));
    });
    this.root.style.setProperty("--gan-height", `${height || 380}px`);
    this.painter.forget();
  }

  row(side, name, knob) {
    if (!kinds[knob.kind]) return null; // a point is dragged in the picture
    const { parts, show } = kinds[knob.kind](knob, (value) => this.move(side, name, value));
    const label = knob.label || name;
    Object.assign(parts[0].dataset, { knob: name, side });
    parts[0].ariaLabel = label;
    parts[0].disabled = this.kind === "recording";
    show(knob.value);
    this.knobs.set(`${side}/${name}`, { side, name, show, value: knob.value });
    return make("label", { class: "gan-knob" }, make("span", { title: label }, label), ...parts);
  }

  say(status) {
    this.playing = status.playing;
    put(this.root.dataset, { playing: String(status.playing), n: String(status.n) });
    put(this.buttons[0].lastChild, { textContent: status.playing ? "Pause" : "Play" });
    if (status.text || status.fault) this.note = "";
    const textContent = status.fault || status.text || this.note;
    put(this.ui.status, {
      textContent,
      className: `gan-status${status.fault ? " gan-fault" : ""}`,
    });
    this.speed = status.speed;
    this.count();
  }

  /** Write the step and the speed. */
  count() {
    const n = this.held.get("time") ?? this.last?.n ?? 0;
    const { speed } = this;
    const pace = speed ? ` · ${speed < 10 ? speed.toFixed(1) : Math.round(speed)}/s` : "";
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
      this.note = "The clipboard is closed to this page: copy the text below (Ctrl+C).";
    }
    status.textContent = this.note;
  }

  // ---- a picture

  /** Ask for the next frame, in which all that waits is done. */
  ask() {
    this.request ||= requestAnimationFrame(() => {
      this.request = 0;
      for (const message of this.moved.values()) this.send("knob", message);
      this.moved.clear();
      if (this.fresh) this.show();
      else this.point();
    });
  }

  show() {
    const begun = performance.now();
    this.fresh = false;
    const { frame, sides, words } = this.last;
    if (this.root.dataset.sides !== String(sides.length)) this.compare(sides.length);
    this.paint();
    this.sync();
    const { picture } = this.ui;
    put(picture, { ariaLabel: words });
    put(picture.dataset, { frame, shown: ++this.shown, knobs: JSON.stringify(sides[0].knobs) });
    this.send("shown", { frame, ms: performance.now() - begun });
  }

  compare(n) {
    this.root.dataset.sides = n;
    const button = this.buttons.find((b) => b.dataset.action === "compare");
    button.textContent = n > 1 ? "Stop comparing" : "Compare";
    this.fit();
  }

  /** Let the controls show what the picture was drawn with, save those that a hand has just moved. */
  sync() {
    const { n, reached, sides } = this.last;
    for (const [key, knob] of this.knobs) {
      const value = sides[knob.side]?.knobs[knob.name];
      if (value === undefined || this.waits(key, value) || value === knob.value) continue;
      knob.show((knob.value = value));
    }
    put(this.root.dataset, { n: String(n) });
    put(this.ui.time, { max: String(Math.max(n, reached)) });
    if (!this.waits("time", n)) put(this.ui.time, { value: String(n) });
    this.count();
  }

  /** Whether another value than this one has been told and not yet come back. */
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
    if (this.painter.style.ratio !== devicePixelRatio) this.fit();
    this.painter.draw(this.last.sides, this.root.hasAttribute("data-stacked"));
    this.placeHandles();
    this.point();
  }

  /** Give the canvas as many pixels as it has on the screen. */
  fit() {
    const { picture, stage } = this.ui;
    const narrow = stage.clientWidth < NARROW && this.root.dataset.sides === "2";
    this.root.toggleAttribute("data-stacked", narrow);
    this.painter.fit(picture.clientWidth, picture.clientHeight, devicePixelRatio);
  }

  dress() {
    const light = document.body.dataset.jpThemeLight ?? String(!this.night.matches);
    this.root.dataset.dark = light === "false";
    const css = getComputedStyle(this.root);
    const color = (name) => css.getPropertyValue(`--gan-${name}`).trim();
    const larger = this.root.classList.contains("gan-lecture");
    const sizes = { text: larger ? 1.5 : 1, stroke: larger ? 1.6 : 1 };
    const colors = { ink: color("ink"), paper: color("paper"), grid: color("line") };
    Object.assign(this.painter.style, colors, sizes);
    this.paint();
  }

  /** Show the value under the pointer. */
  point() {
    const { tip, stage } = this.ui;
    const found = this.last && this.pointer ? this.painter.near(...this.pointer) : null;
    put(tip, { hidden: !found });
    if (!found) return;
    tip.style.transform = `translate(${found.x}px, ${found.y}px)`;
    tip.dataset.to = found.x > stage.clientWidth / 2 ? "left" : "right";
    put(tip.lastChild, { textContent: found.text });
  }

  // ---- points that are dragged in the picture: a button lies over each

  placeHandles() {
    const found = this.painter.handles;
    const key = found.map(({ frame, layer }) => `${frame.side}/${layer.name}`).join();
    if (key !== this.handleKey) {
      this.handleKey = key;
      this.ui.handles.replaceChildren(...found.map((_, k) => this.handle(k)));
    }
    found.forEach(({ frame, layer }, k) => {
      const [x, y] = [frame.x(layer.x), frame.y(layer.y)];
      this.ui.handles.children[k].style.transform = `translate(${x}px, ${y}px)`;
    });
  }

  handle(k) {
    const { name } = this.painter.handles[k].layer;
    const button = make("button", {
      type: "button",
      class: "gan-handle",
      "aria-label": `${name}: drag, or move with the arrow keys`,
    });
    button.disabled = this.kind === "recording";
    button.onpointerdown = (event) => button.setPointerCapture(event.pointerId);
    button.onpointermove = (event) => {
      if (!button.hasPointerCapture(event.pointerId)) return;
      const stage = this.ui.stage.getBoundingClientRect();
      this.drag(k, event.clientX - stage.x, event.clientY - stage.y);
    };
    button.onkeydown = (event) => {
      const [x, y] = {
        ArrowLeft: [-1, 0],
        ArrowRight: [1, 0],
        ArrowUp: [0, -1],
        ArrowDown: [0, 1],
      }[event.key] ?? [0, 0];
      if (!x && !y) return;
      event.preventDefault();
      const { frame, layer } = this.painter.handles[k];
      const [w, h] = [frame.right - frame.left, frame.bottom - frame.top];
      this.drag(k, frame.x(layer.x) + (x * w) / 50, frame.y(layer.y) + (y * h) / 50);
    };
    return button;
  }

  drag(k, px, py) {
    const { frame, layer } = this.painter.handles[k];
    const value = frame.at(
      Math.max(frame.left, Math.min(px, frame.right)),
      Math.max(frame.top, Math.min(py, frame.bottom)),
    );
    this.move(
      frame.side,
      layer.name,
      value.map((v) => +v.toPrecision(4)),
    );
  }

  // ---- what a hand does

  move(side, name, value) {
    const key = `${side}/${name}`;
    this.hold(key, value);
    if (this.knobs.has(key)) this.knobs.get(key).value = value;
    this.moved.set(key, { side, name, value });
    this.ask();
  }

  act({ action, preset }) {
    this.note = "";
    if (preset) (this.held.clear(), this.send("preset", { name: preset }));
    else if (action === "play") this.send(this.playing ? "pause" : "play");
    else if (action === "compare") this.send("compare", { on: this.root.dataset.sides !== "2" });
    else if (action === "lecture") {
      const on = this.root.classList.toggle("gan-lecture");
      this.buttons.at(-1).ariaPressed = on;
      this.dress();
    } else {
      if (action === "code") this.ui.code.hidden = true;
      if (action !== "step") this.held.clear();
      this.send(action.replace("-", " "));
    }
  }

  goBack() {
    if (!this.held.has("time")) this.send("pause");
    this.hold("time", +this.ui.time.value);
    this.count();
  }

  press(event) {
    event.stopPropagation(); // the notebook's keys are not meant
    const own = "button, select, textarea, input[type=checkbox]";
    if (event.type !== "keydown" || event.key !== " " || event.target.closest(own)) return;
    event.preventDefault();
    if (this.kind !== "explore") this.act({ action: "play" });
  }

  see() {
    const on = this.inView && !document.hidden;
    if (on !== this.visible) this.send("visible", { on });
    this.visible = on;
  }

  listen() {
    const { root, ui } = this;
    this.end = new AbortController();
    this.night = matchMedia("(prefers-color-scheme: dark)");
    const on = (target, types, job) => {
      for (const type of types.split(" "))
        target.addEventListener(type, job, { signal: this.end.signal });
    };
    on(root, "click", (event) => {
      const button = event.target.closest("[data-action], [data-preset]");
      if (button) this.act(button.dataset);
    });
    on(root, "keydown keypress keyup", (event) => this.press(event));
    on(ui.time, "input", () => this.goBack());
    on(ui.time, "change", () => {
      if (this.kind === "recording") this.held.clear(); // it has not every step
      this.send("goto", { n: +ui.time.value });
    });
    on(ui.speed, "change", () => this.send("speed", { value: +ui.speed.value }));
    on(ui.stage, "pointermove pointerleave", (event) => {
      const box = ui.stage.getBoundingClientRect();
      this.pointer =
        event.type === "pointermove" ? [event.clientX - box.x, event.clientY - box.y] : null;
      this.ask();
    });
    on(document, "visibilitychange", () => this.see());
    on(this.night, "change", () => this.dress());
    this.watchers = [
      new ResizeObserver(() => (this.fit(), this.paint())),
      new MutationObserver(() => this.dress()),
      new IntersectionObserver(
        (entries) => ((this.inView = entries.at(-1).isIntersecting), this.see()),
      ),
    ];
    this.watchers[0].observe(ui.stage);
    this.watchers[1].observe(document.body, {
      attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"],
    });
    this.watchers[2].observe(root);
    this.alive = setInterval(() => this.send("alive"), ALIVE);
    this.dress();
  }

  close() {
    this.end.abort();
    this.watchers.forEach((watcher) => watcher.disconnect());
    clearInterval(this.alive);
    clearTimeout(this.patience);
    cancelAnimationFrame(this.request);
    this.port.onmessage = () => {};
    this.root.remove();
  }
}

/** Build a panel inside el; it knows only its port. Return what takes it away again. */
export function panel(el, port) {
  const built = new Panel(el, port);
  return () => built.close();
}

function render({ model, el }) {
  const port = { send: (message) => model.send(message), onmessage: () => {} };
  const take = (message, [block]) => {
    const { buffer, byteOffset, byteLength } = block ?? {};
    port.onmessage(message, buffer?.slice(byteOffset, byteOffset + byteLength));
  };
  model.on("msg:custom", take);
  const close = panel(el, port);
  return () => {
    model.off("msg:custom", take);
    close();
  };
}

export default { render };
