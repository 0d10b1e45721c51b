// The other side of a panel without a kernel: it plays stored pictures.

export function recording({ spec, pictures }, block) {
  const last = pictures.length - 1;
  let [at, playing, speed, timer, frame] = [last, false, spec.speed, 0, 0];

  function show(k) {
    at = Math.max(0, Math.min(last, k));
    frame += 1;
    const status = { playing, n: pictures[at].n, speed: null, text: "A recording.", fault: "" };
    port.onmessage({ type: "picture", frame, ...pictures[at], status }, block);
  }
  function tick() {
    playing = at + 1 < last;
    show(at + 1);
    if (playing) timer = setTimeout(tick, 1000 / speed);
  }
  function nearest(n) {
    const far = pictures.map((picture) => Math.abs(picture.n - n));
    return far.indexOf(Math.min(...far));
  }
  const acts = {
    hello: () => (port.onmessage(spec), show(last)),
    play: () => ((at = at === last ? -1 : at), tick()),
    pause: () => show(at),
    step: () => show(at + 1),
    goto: ({ n }) => show(nearest(n)),
    speed: ({ value }) => (speed = value),
  };
  const port = {
    onmessage: () => {},
    send(message) {
      if (["play", "pause", "step", "goto"].includes(message.type)) {
        clearTimeout(timer);
        playing = false;
      }
      acts[message.type]?.(message);
    },
  };
  return port;
}
