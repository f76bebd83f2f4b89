// Sluice: two small demonstrations. Each fills an element that has a data-demo attribute;
// without scripts the page says what they would show.
"use strict";

(() => {
  const root = new URL("..", document.currentScript.src);

  // make("li", { class: "x" }, "text", child, ...) builds one element.
  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  }

  // --- Fetch: ask the server for some files of this site and show what came back -----------

  const FILES = [
    "index.html",
    "css/site.css",
    "js/site.js",
    "notes.txt",
    "favicon.svg",
    "images/gate.jpg",
    "images/streamlines.jpg",
  ];

  async function ask(path) {
    const start = performance.now();
    const response = await fetch(new URL(path, root), { cache: "no-store" });
    const body = await response.arrayBuffer();
    return { response, bytes: body.byteLength, ms: performance.now() - start };
  }

  async function fillRow(row, path) {
    const cells = row.querySelectorAll("td");
    try {
      const { response, bytes, ms } = await ask(path);
      cells[0].replaceChildren(
        make("span", { class: response.ok ? "ok" : "bad" }, String(response.status)),
      );
      cells[1].textContent = response.headers.get("content-type") ?? "not given";
      cells[2].textContent = bytes.toLocaleString("en");
      cells[3].textContent = `${ms.toFixed(1)} ms`;
      return response.headers.get("server");
    } catch {
      cells[0].replaceChildren(make("span", { class: "bad" }, "no answer"));
      return null;
    }
  }

  function fetchDemo(place) {
    const button = make("button", { class: "button", type: "button" }, "Fetch them now");
    const status = make("p", { class: "small", role: "status" }, "Nothing was asked for yet.");
    const rows = FILES.map((path) =>
      make("tr", {}, make("th", { scope: "row" }, make("code", {}, path)),
        make("td", {}, "–"), make("td"), make("td", { class: "figure" }), make("td", { class: "figure" })),
    );
    const heads = ["File", "Status", "Type", "Bytes", "Time"].map((text, i) =>
      make("th", i > 2 ? { scope: "col", class: "figure" } : { scope: "col" }, text),
    );
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));

    button.addEventListener("click", async () => {
      button.disabled = true;
      const names = await Promise.all(FILES.map((path, i) => fillRow(rows[i], path)));
      const server = names.find((name) => name);
      status.textContent = server
        ? `Answered by “${server}”. Sizes are of the body; times are what this browser saw.`
        : "Sizes are of the body; times are what this browser saw.";
      button.disabled = false;
      button.textContent = "Fetch them again";
    });
    place.replaceChildren(
      make("div", { class: "demo-bar" }, button), make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "What came back" }, table), status,
    );
  }

  // --- Queue: four requests in one segment, step by step, in each of the three servers -----

  const REQUESTS = [
    { number: 1, path: "/index.html" },
    { number: 2, path: "/css/site.css" },
    { number: 3, path: "/images/streamlines.jpg", file: true },
    { number: 4, path: "/notes.txt" },
  ];

  const SERVERS = {
    "simple-server": { inflight: 1, keepalive: false },
    "persistent-server": { inflight: 1, keepalive: true },
    "pipelined-server": { inflight: 64, keepalive: true },
  };

  // Every step of one server: what each lane holds, what is said, which call was made.
  function play(profile) {
    const steps = [];
    let ring = [], queue = [], sent = [], lost = [];
    const step = (say, ...calls) =>
      steps.push({ ring: [...ring], queue: [...queue], sent: [...sent], lost: [...lost], say, calls });

    step("The connection is idle and owns almost nothing. Four requests are on their way in one segment.");
    ring = [...REQUESTS];
    step("One recv brings all four requests into the ring.", "recv → 4 requests");
    while (ring.length) {
      while (ring.length && queue.length < profile.inflight) {
        const request = ring.shift();
        queue.push(request);
        step(`Request ${request.number} is parsed, looked up and answered: its response joins the end of the queue.`);
      }
      send();
      if (!profile.keepalive) close();
    }
    if (profile.keepalive) step("All four are answered, in order. The connection stays open and gives its storage back.");
    return steps;

    // Responses held in memory leave together; a large file's body leaves by itself.
    function send() {
      while (queue.length) {
        const at = queue.findIndex((request) => request.file);
        const count = at < 0 ? queue.length : at + 1;
        const batch = queue.splice(0, count);
        const numbers = batch.map((request) => request.number).join(", ");
        sent.push(...batch);
        if (at < 0) {
          step(`What is queued leaves in one call, in order: ${numbers}.`, `sendmsg → ${numbers}`);
        } else {
          const last = batch[batch.length - 1].number;
          const before = batch.slice(0, -1).map((request) => request.number).concat(`head of ${last}`).join(", ");
          step(
            `Response ${last} has a large body: the bytes before it go with MSG_MORE, then the kernel sends the file itself.`,
            `sendmsg, MSG_MORE → ${before}`, `sendfile → body of ${last}`,
          );
        }
      }
    }

    function close() {
      lost = ring;
      ring = [];
      step(
        "One request a connection: it shuts its sending side, discards what remains so that the answer arrives whole, and closes. The client connects anew for the others.",
        "shutdown, SHUT_WR", "recv → discarded", "close",
      );
    }
  }

  // Show requests in a channel; those that were not there before float in.
  function fill(channel, requests, lost = []) {
    const before = new Set([...channel.children].map((item) => item.textContent));
    const chips = [...requests, ...lost].map((request) => {
      const text = `${request.number} ${request.path}`;
      const kinds = [request.file && "file", lost.includes(request) && "lost", !before.has(text) && "new"];
      return make("li", { class: kinds.filter(Boolean).join(" ") }, text);
    });
    channel.replaceChildren(...chips);
  }

  function queueDemo(place) {
    const lanes = { ring: "Ring: received, not yet parsed", queue: "Queue: responses in order", sent: "Sent" };
    const channels = {};
    const laneBox = make("div", { class: "lanes" });
    for (const [name, label] of Object.entries(lanes)) {
      channels[name] = make("ul", { class: "channel", "aria-label": label });
      laneBox.append(make("div", { class: "lane" }, make("span", { "aria-hidden": "true" }, label), channels[name]));
    }
    const say = make("p", { class: "say", role: "status" });
    const calls = make("ol", { class: "calls", "aria-label": "System calls so far" });
    const choice = make("fieldset", { "aria-label": "Server" });
    const next = make("button", { class: "button", type: "button" }, "Step");
    const run = make("button", { class: "button quiet", type: "button" }, "Play");
    const reset = make("button", { class: "button quiet", type: "button" }, "Start over");
    let steps = [], at = 0, timer = 0;

    function show() {
      const now = steps[at];
      fill(channels.ring, now.ring, now.lost);
      fill(channels.queue, now.queue);
      fill(channels.sent, now.sent);
      say.textContent = now.say;
      calls.replaceChildren(...steps.slice(0, at + 1).flatMap((s) => s.calls).map((call) => make("li", {}, call)));
      const over = at === steps.length - 1;
      next.disabled = over;
      run.disabled = over;
      if (over) pause();
    }

    function pause() {
      clearInterval(timer);
      timer = 0;
      run.textContent = "Play";
    }

    function advance() {
      at = Math.min(at + 1, steps.length - 1);
      show();
    }

    function start(name) {
      pause();
      steps = play(SERVERS[name]);
      at = 0;
      show();
    }

    for (const name of Object.keys(SERVERS)) {
      const radio = make("input", { type: "radio", name: "server", value: name });
      radio.checked = name === "pipelined-server";
      radio.addEventListener("change", () => start(name));
      choice.append(make("label", {}, radio, name));
    }
    next.addEventListener("click", () => { pause(); advance(); });
    reset.addEventListener("click", () => { pause(); at = 0; show(); });
    run.addEventListener("click", () => {
      if (timer) return pause();
      run.textContent = "Pause";
      timer = setInterval(advance, 1400);
      advance();
    });

    place.replaceChildren(make("div", { class: "demo-bar" }, choice, next, run, reset), laneBox, say,
      make("p", { class: "small calls-head", "aria-hidden": "true" }, "System calls so far"), calls);
    start("pipelined-server");
  }

  const demos = { fetch: fetchDemo, queue: queueDemo };
  for (const place of document.querySelectorAll("[data-demo]")) demos[place.dataset.demo](place);
})();
