// Turns nbconvert's sections into slides of 1280 x 720: what does not fit moves onto a next slide, between two paragraphs,
// items, rows or lines. Measured in this browser with its own fonts, after the formulas have been set.
const WIDTH = 1280, HEIGHT = 720, MARGIN = 30; // of the page; the margin as in deck.css
const LARGEST = 1.6, SMALLEST = 1.0; // how far a picture is enlarged; how far it makes room for the text above it
const BREAKABLE = "div, ul, ol, table, tbody, pre, blockquote, details";
const TOGETHER = ".jp-CodeCell, table, pre"; // broken only where they are higher than a slide
const TITLE = "h1, h2, h3, h4";

const below = (node) => node.getBoundingClientRect().bottom;

function linesOf(pre) {
  // A line each, so that they can be moved, and goes on further right where it must be broken; pygments closes its spans
  // at the end of every line.
  const lines = pre.innerHTML.replace(/^\n|\n$/g, "").split("\n");
  pre.innerHTML = lines.map((line) => `<div class="line">${line}</div>`).join("");
  for (const line of pre.children) line.style.setProperty("--hang", `${line.textContent.search(/\S|$/) + 4}ch`);
}

function fitWidth(node, smallest) {
  // Make long lines, wide tables and formulas smaller, down to a limit; by steps, for the browser rounds the height of an x.
  const block = node.parentElement.closest("div, p, li"), style = getComputedStyle(block);
  const room = block.getBoundingClientRect().width - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) + 0.5;
  let size = parseFloat(getComputedStyle(node).fontSize);
  node.style.width = "max-content";
  if (node.matches("pre")) node.style.whiteSpace = "pre";
  while (node.getBoundingClientRect().width > room && size > smallest) node.style.fontSize = `${(size -= 0.5)}px`;
  node.style.width = node.style.whiteSpace = "";
}

function fitPicture(image) {
  const beside = (kind) => [...(image.closest(".gan-reveal")?.querySelectorAll(kind) ?? [])]; // they stay together
  const tables = beside("table").reduce((sum, table) => sum + table.getBoundingClientRect().height + 8, 0);
  const room = (585 - tables) / (beside("img").length || 1);
  const scale = Math.min(LARGEST, (WIDTH - 80) / image.naturalWidth, room / image.naturalHeight);
  image.style.width = `${Math.floor(scale * image.naturalWidth)}px`;
  image.style.height = "auto";
}

function shrinkPicture(node, bottom) {
  // Let a picture that does not quite fit make room for the text above it.
  const images = node.querySelectorAll("img");
  if (images.length !== 1) return false;
  const [image] = images, height = image.getBoundingClientRect().height;
  const fitting = height - (below(node) - bottom) - 1;
  if (fitting >= height || fitting < SMALLEST * Math.min(image.naturalHeight, 585, image.naturalHeight * (WIDTH - 80) / image.naturalWidth)) return false;
  image.style.width = `${Math.floor((fitting / image.naturalHeight) * image.naturalWidth)}px`;
  return below(node) <= bottom;
}

function split(node, bottom, keepTitles) {
  // Move what lies below `bottom` into a copy of node and return it; null where nothing would be left behind.
  const rest = node.cloneNode(false), children = [...node.children];
  rest.removeAttribute("id");
  let at = children.findIndex((child) => below(child) > bottom && !shrinkPicture(child, bottom));
  if (at < 0) return null;
  let part = breakable(children[at]) ? split(children[at], bottom, keepTitles) : null;
  if (!part) {
    if (node.matches("pre")) at = lastGap(children, at);
    while (keepTitles && at > 0 && leadsOn(children[at - 1])) at -= 1;
    if (at === (children[0].matches(".running") ? 1 : 0)) return null;
  }
  rest.append(...(part ? [part] : [children[at]]), ...children.slice(at + 1));
  if (node.matches("table") && node.tHead) rest.prepend(node.tHead.cloneNode(true));
  if (node.matches("ol")) rest.start = node.start + at + (part ? 1 : 0);
  return rest;
}

function breakable(node) {
  const room = HEIGHT - 2 * MARGIN - 40; // below a running title
  return node.matches(BREAKABLE) && !(node.matches(TOGETHER) && node.getBoundingClientRect().height < room);
}

// Better between two blocks of code than anywhere, unless that would leave little.
function lastGap(lines, at) {
  for (let k = at; k > Math.max(3, at - 12); k--) if (!lines[k - 1].textContent.trim()) return k;
  return at;
}

function leadsOn(node) {
  return node.matches(TITLE) || node.matches("thead") || (node.matches("p") && /:\s*$/.test(node.textContent));
}

function paginate(page) {
  let title = "";
  while (true) {
    title = [...page.querySelectorAll("h1, h2")].pop()?.textContent.replace("¶", "").trim() || title;
    const bottom = page.getBoundingClientRect().top + HEIGHT - MARGIN;
    const rest = split(page, bottom, true) || split(page, bottom, false);
    if (!rest) return;
    if (title && !rest.querySelector("h1, h2")) {
      const running = document.createElement("p");
      running.className = "running";
      running.textContent = title;
      rest.prepend(running);
    }
    page.after(rest);
    page = rest;
  }
}

async function start() {
  document.querySelectorAll(".jp-Collapser").forEach((ornament) => ornament.remove());
  document.querySelectorAll(".slides > section > section").forEach((page) => page.classList.add("page"));
  await MathJax.startup.promise;
  await MathJax.typesetPromise();
  await document.fonts.ready;
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  document.querySelectorAll("pre").forEach(linesOf);
  document.querySelectorAll("pre").forEach((pre) => fitWidth(pre, pre.closest(".highlight") ? 17 : 14));
  document.querySelectorAll("table").forEach((table) => fitWidth(table, 18));
  document.querySelectorAll("mjx-container").forEach((formula) => fitWidth(formula, 18));
  document.querySelectorAll("img").forEach(fitPicture);
  document.querySelectorAll(".page").forEach(paginate);
  document.body.classList.remove("measuring");
  await Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0, minScale: 0.1, maxScale: 4, center: false, hash: true, controls: false,
    slideNumber: "c/t", transition: "none", navigationMode: "linear", plugins: [RevealNotes],
  });
  document.body.dataset.ready = "true";
}

start();
