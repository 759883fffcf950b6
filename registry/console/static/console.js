// The little that a page cannot do without script; every page works without it too.
"use strict";

// what was done is told once, not again when the page is asked for again
const address = new URL(location);
["done", "n"].forEach((name) => address.searchParams.delete(name));
if (address.search !== location.search) history.replaceState(null, "", address);

// a run or a flip in progress: the server tells, the bar and the words follow
for (const box of document.querySelectorAll("[data-events]")) {
  const source = new EventSource(box.dataset.events);
  source.onmessage = (message) => {
    const told = JSON.parse(message.data);
    if (told.is_over) { source.close(); location.reload(); return; }
    const bar = box.querySelector("progress");
    if (bar) bar.value = told.progress;
    const says = { percent: `${Math.round(100 * told.progress)} %`, step: told.step, ...told.says };
    for (const [name, text] of Object.entries(says)) {
      const place = box.querySelector(`[data-${name}]`);
      if (place && place.textContent !== text) place.textContent = text;
    }
    addLines(told.lines ?? []);
  };
  addEventListener("pagehide", () => source.close());
}

// what a run logs is put behind what is there; who has scrolled up stays where they are
function addLines(lines) {
  const list = document.querySelector("[data-lines]");
  if (!list || !lines.length) return;
  const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  for (const line of lines) {
    const [row, time, says] = ["li", "time", "span"].map((name) => document.createElement(name));
    [row.className, time.textContent, says.textContent] = [line.level.toLowerCase(), line.at, line.says];
    row.append(time, says);
    list.append(row);
  }
  document.querySelector("[data-silent]").hidden = true;
  list.hidden = false;
  if (isAtEnd) list.scrollTop = list.scrollHeight;
}

// an open question closes by Escape, by a click beside it, and when another opens; its first field takes the cursor
const questions = [...document.querySelectorAll("details.ask")];
for (const question of questions) {
  question.addEventListener("toggle", () => {
    if (!question.open) return;
    questions.forEach((other) => { if (other !== question) other.open = false; });
    question.querySelector("textarea, input:not([type=hidden]), select, button[type=submit]")?.focus();
  });
}
addEventListener("keydown", (event) => {
  const open = questions.find((question) => question.open);
  if (event.key === "Escape" && open) { open.open = false; open.querySelector("summary").focus(); }
});
addEventListener("click", (event) => {
  questions.forEach((question) => { if (!question.contains(event.target)) question.open = false; });
});

// what scrolls is reached by keyboard, and called what the heading above it says
const reachScrolling = () => document.querySelectorAll(".table, .scroll").forEach((box) => {
  if (box.scrollWidth <= box.clientWidth && box.scrollHeight <= box.clientHeight) return;
  const heading = box.closest("section")?.querySelector("h2") ?? document.querySelector("h1");
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", heading?.textContent ?? document.title);
});
reachScrolling();
addEventListener("resize", reachScrolling);

// a form is sent once
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => delete form.dataset.sent));

// filters apply as soon as one is chosen; times tell the reader's own clock on hover
for (const select of document.querySelectorAll("form[method=get] select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
for (const time of document.querySelectorAll("time")) {
  time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang);
}

// labeling by keyboard: 1-9 the labels in sight, Enter the first of those searched for, / to search, S U N as they say
const review = document.querySelector("[data-review]");
if (review) {
  const filter = review.querySelector("[data-filter]");
  const choices = [...review.querySelectorAll(".choices button")];
  const inSight = () => choices.filter((choice) => !choice.hidden);
  const renumber = () => inSight().forEach((choice, i) => { choice.querySelector("kbd").textContent = i < 9 ? i + 1 : ""; });
  filter?.addEventListener("input", () => {
    const words = filter.value.toLowerCase();
    choices.forEach((choice) => { choice.hidden = !choice.value.toLowerCase().replaceAll("_", " ").includes(words.replaceAll("_", " ")); });
    renumber();
  });
  filter?.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); if (filter.value) inSight()[0]?.click(); }
    if (event.key === "Escape") filter.blur();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    const key = event.key.toLowerCase();
    const target = /^[1-9]$/.test(key) ? inSight()[key - 1] : document.querySelector(`button[data-key="${CSS.escape(key)}"]`);
    const field = key === "/" ? filter : document.querySelector(`[data-focus="${CSS.escape(key)}"]`);
    if (target) { event.preventDefault(); target.click(); } else if (field) { event.preventDefault(); field.focus(); }
  });
}

// the map: drag, wheel with Ctrl, buttons or keys move it; a dot tells its text at once
const atlas = document.querySelector("[data-atlas]");
if (atlas) {
  const drawing = atlas.querySelector("svg"), tip = atlas.querySelector("[data-tip]");
  const whole = drawing.viewBox.baseVal, [width, height] = [whole.width, whole.height];
  let [x, y, zoom] = [0, 0, 1];
  const show = () => {
    x = Math.min(Math.max(x, 0), width - width / zoom);
    y = Math.min(Math.max(y, 0), height - height / zoom);
    drawing.setAttribute("viewBox", `${x} ${y} ${width / zoom} ${height / zoom}`);
    drawing.style.setProperty("--r", `${4 / zoom ** 0.85}px`);
    drawing.style.setProperty("--edge", `${1.5 / zoom}px`);
  };
  const zoomTo = (factor, [cx, cy] = [0.5, 0.5]) => {
    const next = Math.min(Math.max(zoom * factor, 1), 40);
    x += cx * (width / zoom - width / next);
    y += cy * (height / zoom - height / next);
    zoom = next;
    show();
  };
  const place = (event) => {
    const box = drawing.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const acts = { in: () => zoomTo(1.6), out: () => zoomTo(1 / 1.6), reset: () => { [x, y, zoom] = [0, 0, 1]; show(); } };
  atlas.querySelectorAll("[data-act]").forEach((button) => button.addEventListener("click", acts[button.dataset.act]));
  atlas.querySelector("[data-zoom]").hidden = false;
  atlas.classList.add("moves");
  drawing.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoomTo(event.deltaY < 0 ? 1.25 : 0.8, place(event));
  }, { passive: false });
  drawing.addEventListener("dblclick", (event) => zoomTo(1.6, place(event)));
  drawing.addEventListener("pointerdown", (event) => drawing.setPointerCapture(event.pointerId));
  drawing.addEventListener("pointermove", (event) => {
    if (event.buttons) {
      const box = drawing.getBoundingClientRect();
      x -= event.movementX / box.width * (width / zoom);
      y -= event.movementY / box.height * (height / zoom);
      tip.hidden = true;
      show();
    } else tell(event);
  });
  drawing.addEventListener("pointerleave", () => { tip.hidden = true; });
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  drawing.addEventListener("keydown", (event) => {
    const step = steps[event.key], act = { "+": acts.in, "=": acts.in, "-": acts.out, "0": acts.reset }[event.key];
    if (!step && !act) return;
    event.preventDefault();
    if (act) return act();
    x += step[0] * width / zoom / 8;
    y += step[1] * height / zoom / 8;
    show();
  });
  const tell = (event) => {
    const title = event.target.closest("circle")?.querySelector("title, desc");
    tip.hidden = !title;
    if (!title) return;
    const box = drawing.getBoundingClientRect(), [left, top] = [event.clientX - box.left, event.clientY - box.top];
    tip.textContent = title.textContent;
    tip.style.left = `${Math.max(Math.min(left + 14, box.width - tip.offsetWidth - 4), 0)}px`;
    tip.style.top = top + 18 + tip.offsetHeight > box.height ? `${top - tip.offsetHeight - 10}px` : `${top + 18}px`;
  };
  for (const title of drawing.querySelectorAll("title")) {      // the browser's own hint would come late, and twice
    const told = document.createElementNS("http://www.w3.org/2000/svg", "desc");
    told.textContent = title.textContent;
    title.replaceWith(told);
  }
}
