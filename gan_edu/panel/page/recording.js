import { closest } from "./frame.js";
// The other side of a panel without a kernel: it plays stored pictures.

export function recording({ spec, pictures }, block) {
  const last = pictures.length - 1;
  let [at, speed, timer, frame] = [last, spec.speed, 0, 0];

  function show(k, playing = false) {
    clearTimeout(timer);
    at = Math.min(last, k);
    frame += 1;
    const status = { playing, n: pictures[at].n, speed: null, text: "A recording.", fault: "" };
    port.onmessage({ type: "picture", frame, ...pictures[at], status }, block);
  }
  function play(k) {
    show(k, k < last);
    if (k < last) timer = setTimeout(play, 1000 / speed, k + 1);
  }
  const acts = {
    hello: () => (port.onmessage(spec), show(last)),
    play: () => play(at === last ? 0 : at + 1),
    pause: () => show(at),
    step: () => show(at + 1),
    goto: ({ n }) => show(pictures.indexOf(closest(pictures, (one) => Math.abs(one.n - n)))),
    speed: ({ value }) => (speed = value),
  };
  const port = { send: (message) => acts[message.type]?.(message) };
  return port;
}
