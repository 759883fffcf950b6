// The little that a page cannot do without script; every page works without it too.
"use strict";

// a run in progress: the server tells, the bar follows
for (const box of document.querySelectorAll("[data-events]")) {
  const source = new EventSource(box.dataset.events);
  source.onmessage = (message) => {
    const told = JSON.parse(message.data);
    box.querySelector("progress").value = told.progress;
    box.querySelector("[data-percent]").textContent = Math.round(100 * told.progress) + " %";
    box.querySelector("[data-step]").textContent = told.step;
    if (told.is_over) { source.close(); location.reload(); }
  };
  addEventListener("pagehide", () => source.close());
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
