// A bar with what a lecturer needs: the next and the last stop (a section, or a panel), code and prose on or off, full screen.
const bar = document.createElement("nav");
bar.id = "lecture-bar";
bar.setAttribute("aria-label", "Lecture");

function add(label, title, action) {
  const button = document.createElement("button");
  Object.assign(button, { textContent: label, title });
  button.addEventListener("click", () => action(button));
  bar.append(button);
  return button;
}

function addSwitch(label, key, name, on) {
  const button = add(label, `${label}: key ${key}`, () => {
    button.setAttribute("aria-pressed", document.body.classList.toggle(name));
  });
  document.body.classList.toggle(name, on);
  button.setAttribute("aria-pressed", on);
  return button;
}

function go(direction) {
  const stops = [...document.querySelectorAll(".jp-RenderedMarkdown h1, .jp-RenderedMarkdown h2, .gan-panel")];
  const tops = stops.map((stop) => stop.getBoundingClientRect().top);
  const at = direction > 0 ? tops.findIndex((top) => top > 40) : tops.findLastIndex((top) => top < -40);
  if (at >= 0) stops[at].scrollIntoView();
}

const keys = {
  p: add("◀", "Back: key P", () => go(-1)),
  n: add("▶", "Next section or panel: key N", () => go(1)),
  t: addSwitch("Text", "T", "with-prose", true),
  c: addSwitch("Code", "C", "with-code", false),
  f: add("Full screen", "Full screen: key F", () => document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [role=slider]")) return;
  keys[event.key]?.click();
});
document.body.prepend(bar);

// A panel's picture is as large as the screen allows, its controls with it.
new MutationObserver(() => {
  for (const picture of document.querySelectorAll(".gan-live-picture")) {
    const width = `min(100%, ${Math.floor((72 * picture.width) / picture.height)}vh)`;
    if (picture.style.width !== width) picture.style.width = width;
  }
}).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["width"] });
