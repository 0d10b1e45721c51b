// The other side of a panel without a kernel: it plays stored pictures.

export function recording(story, block) {
  const { spec, pictures } = story;
  const last = pictures.length - 1;
  let at = 0, playing = false, speed = spec.speed, timer = 0, frame = 0;
  const port = { send: take, onmessage: () => {} };

  function show(k) {
    at = Math.max(0, Math.min(last, k));
    frame += 1;
    const status = { playing, n: pictures[at].n, speed: null, text: "A recording.", fault: "" };
    port.onmessage({ type: "picture", frame, ...pictures[at], status }, block);
  }

  function tick() {
    if (!playing) return;
    if (at === last) playing = false;
    show(at + 1);
    timer = setTimeout(tick, 1000 / speed);
  }

  function nearest(n) {
    let best = 0;
    pictures.forEach((picture, k) => {
      if (Math.abs(picture.n - n) < Math.abs(pictures[best].n - n)) best = k;
    });
    return best;
  }

  function take(message) {
    if (message.type === "hello") {
      port.onmessage(spec);
      show(last);
    } else if (message.type === "play") {
      clearTimeout(timer);
      playing = true;
      if (at === last) at = -1;
      tick();
    } else if (message.type === "pause") {
      playing = false;
      show(at);
    } else if (message.type === "step") {
      playing = false;
      show(at + 1);
    } else if (message.type === "goto") {
      playing = false;
      show(nearest(message.n));
    } else if (message.type === "speed") speed = message.value;
  }
  return port;
}
