import { short } from "./frame.js";
// What a hand can move: the elements of each kind of knob.

export function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Set only what has changed, so that the page need not lay itself out again. */
export function put(element, values) {
  for (const [name, value] of Object.entries(values)) {
    if (element[name] !== value) element[name] = value;
  }
}

// ---- knobs: each kind makes elements, the first to be moved, and shows a value in them

export const kinds = {
  slider({ low, high, step, log }, tell) {
    // Between two places of the slider lies a factor or a difference.
    const unit = log ? (high / low) ** (1 / 200) : step || (high - low) / 200;
    const valueAt = (k) => (log ? low * unit ** k : low + k * unit);
    const placeOf = (v) => (log ? Math.log(v / low) / Math.log(unit) : (v - low) / unit);
    const text = make("span", { class: "gan-value" });
    const input = make("input", { type: "range", max: Math.round(placeOf(high)) });
    const say = (v) => {
      put(text, { textContent: short(v, log ? 3 : 4) });
      put(input, { ariaValueText: text.textContent });
    };
    input.oninput = () => {
      const rounded = +valueAt(input.value).toPrecision(log ? 3 : 9);
      const v = Math.max(low, Math.min(high, rounded));
      say(v);
      tell(v);
    };
    const show = (v) => {
      input.value = placeOf(v);
      say(v);
    };
    return [show, input, text];
  },
  choice({ options }, tell) {
    const input = make("select", {}, ...options.map((v) => make("option", {}, String(v))));
    input.onchange = () => tell(options[input.selectedIndex]);
    return [(v) => (input.selectedIndex = options.indexOf(v)), input];
  },
  switch(knob, tell) {
    const input = make("input", { type: "checkbox" });
    input.onchange = () => tell(input.checked);
    return [(v) => (input.checked = v), input];
  },
  /** Painted in the picture; pressed, its button lets the next stroke begin a new drawing. */
  sketch() {
    const title = "The next stroke in the picture begins a new drawing";
    const input = make("button", { title, "aria-pressed": false }, "Paint anew");
    input.onclick = () => (input.ariaPressed = String(input.ariaPressed !== "true"));
    return [() => {}, input];
  },
};

/** Heights of which the one at i is moved to a place; the others give what keeps the total. */
export function raised(heights, i, to, { low, high, step, total }) {
  const steps = step ? low + Math.round((to - low) / step) * step : to;
  const height = Math.max(low, Math.min(steps, high, total ?? high));
  if (!total) return heights.with(i, height);
  const [rest, left] = [heights.reduce((sum, v) => sum + v, -heights[i]), total - height];
  const share = (v) => (rest > 1e-9 ? (v * left) / rest : left / (heights.length - 1));
  return heights.map((v, k) => (k === i ? height : share(v)));
}
