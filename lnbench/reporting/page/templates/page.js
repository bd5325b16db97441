"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const by = (id) => document.getElementById(id);
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;  // text alone: model output is never markup
    return element;
  };

  // Sorting: up, down, as built.
  const compare = (a, b) => {
    const one = Number.parseFloat(a), two = Number.parseFloat(b);
    if (!Number.isNaN(one) && !Number.isNaN(two)) return one - two;
    return a.localeCompare(b);
  };
  const sortBy = (table, column) => {
    const body = table.tBodies[0], head = table.tHead.rows[0].cells[column];
    const next = { ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")] || "ascending";
    for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
    if (next !== "none") head.setAttribute("aria-sort", next);
    table.toggleAttribute("data-sorted", next !== "none");
    const key = (row) => {
      const cell = row.cells[column];
      return cell.dataset.sort === undefined ? cell.textContent : cell.dataset.sort;
    };
    const rows = [...body.rows].sort((a, b) => {
      if (next === "none") return a.dataset.place - b.dataset.place;
      const one = key(a), two = key(b);
      if (one === "" || two === "") return (one === "") - (two === "");  // what is not known stays last
      return (next === "ascending" ? 1 : -1) * compare(one, two);
    });
    body.append(...rows);
  };
  for (const table of all("table.sortable")) {
    [...table.tBodies[0].rows].forEach((row, at) => { row.dataset.place = at; });
    [...table.tHead.rows[0].cells].forEach((cell, at) => {
      const button = cell.querySelector("button");
      if (button) button.addEventListener("click", () => sortBy(table, at));
    });
  }

  // A table that fits its place needs no scrolling of its own: its head then sticks to the window.
  const measure = (scroll) => {
    const inner = scroll.firstElementChild;
    scroll.classList.remove("fits");
    const fits = scroll.clientWidth > 0 && inner.scrollWidth <= scroll.clientWidth + 1;
    scroll.classList.toggle("fits", fits);
    if (fits) scroll.removeAttribute("tabindex"); else scroll.setAttribute("tabindex", "0");
  };
  const watcher = new ResizeObserver((entries) => entries.forEach((entry) => measure(entry.target)));
  for (const scroll of all(".scroll")) watcher.observe(scroll);

  // Paper shows what is folded.
  const folded = all("details");
  let open = [];
  window.addEventListener("beforeprint", () => { open = folded.filter((one) => one.open); folded.forEach((one) => { one.open = true; }); });
  window.addEventListener("afterprint", () => { folded.forEach((one) => { one.open = open.includes(one); }); });

  // Filtering.
  const form = document.querySelector("form.filters");
  const FIXED = ["average", "fidelity", "scored"];
  const filter = () => {
    const want = Object.fromEntries(all("[data-filter]", form).map((s) => [s.dataset.filter, s.value]));
    let shown = 0, total = 0;
    for (const section of all(".table-section")) {
      const apart = Boolean((want.model && section.dataset.model !== want.model) || (want.task && section.dataset.task !== want.task));
      let here = 0;
      for (const row of all("table.sortable tbody tr", section)) {
        const kept = row.dataset.condition === "original" && !want.condition;
        row.hidden = Boolean((want.condition && row.dataset.condition !== want.condition) ||
          (want.ablated && row.dataset.ablated !== want.ablated && !kept));
        total += 1;
        here += !row.hidden;
      }
      section.hidden = apart || !here;
      shown += section.hidden ? 0 : here;
      for (const cell of all("table.sortable [data-column]", section)) {
        cell.hidden = Boolean(want.language && !FIXED.includes(cell.dataset.column) && cell.dataset.column !== want.language);
      }
    }
    for (const row of all("#answer [data-task]")) row.hidden = Boolean(want.task && row.dataset.task !== want.task);
    by("none").hidden = shown > 0;
    for (const part of all("#layers [data-model], #answer [data-model]")) part.hidden = Boolean(want.model && part.dataset.model !== want.model);
    by("count").textContent = `${shown} of ${total} rows`;
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const select of all("[data-filter]", form)) select.value = "";
    filter();
  });
  filter();

  // The sample viewer.
  const samples = JSON.parse(by("sample-data").textContent);
  if (!samples.length) return;
  const model = by("sample-model"), task = by("sample-task"), ablated = by("sample-ablated");
  let at = 0;
  const distinct = (values) => [...new Set(values)];
  const fill = (select, values) => {
    const before = select.value;
    select.replaceChildren(...values.map((value) => {
      const option = make("option", "", value);
      option.value = value;
      return option;
    }));
    if (values.includes(before)) select.value = before;
  };
  const name = (sample) => (sample.name === sample.model ? sample.model : `${sample.model} (${sample.name})`);
  const ofModel = () => samples.filter((sample) => name(sample) === model.value);
  const chosen = () => ofModel().filter((sample) => sample.task === task.value);
  const textLines = (text) => text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  const paragraph = (text) => {
    const blank = text.trim() === "";
    const element = make("p", blank ? "empty" : "", blank ? "(nothing)" : text.replace(/^[ \t]+/, ""));
    element.dir = "auto";
    return element;
  };
  // Every language keeps its colour; more languages than colours share them, and the code stands in the tag.
  const codes = distinct(samples.flatMap((s) => [s.language, ...s.outputs.flatMap((one) => one.lines || [])])).filter(Boolean).sort();
  const colour = (code) => (code === null ? "" : `s${codes.indexOf(code) % 7}`);
  const stateOf = (code, language) => (code === null ? "" : code === language ? "right" : "wrong");
  const tag = (code, language) => {
    const state = stateOf(code, language);
    const sign = { right: " \u2713", wrong: " \u2717" }[state] || "";
    return make("span", `tag ${state} ${colour(code)}`, (code === null ? "?" : code) + sign);
  };
  const tagged = (text, code, language) => {
    const line = make("div", `output-line ${stateOf(code, language)} ${colour(code)}`);
    line.append(tag(code, language), paragraph(text));
    return line;
  };
  const named = (code) => {
    try {
      return new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }).of(code) || "";
    } catch {
      return "";  // no code of a language
    }
  };
  const entry = (code, language) => {
    const element = make("li", ""), name = make("bdi", "", code === null ? "not told" : named(code));
    element.append(tag(code, language), " ", name, code === language ? " (expected)" : "");
    return element;
  };
  const pane = (title, content) => {
    const element = make("div", "pane"), inside = make("div", "body");
    inside.tabIndex = 0;
    inside.setAttribute("role", "region");
    inside.setAttribute("aria-label", title);
    inside.append(...content);
    element.append(make("h3", "", title), inside);
    return element;
  };
  const body = (output, language) => {
    const lines = textLines(output.text);
    if (!output.lines) return [paragraph(output.text)];
    if (!lines.length) return [paragraph("")];
    if (lines.length === output.lines.length) return lines.map((line, i) => tagged(line, output.lines[i], language));
    return [make("p", "empty", `found: ${output.lines.map((code) => code || "?").join(", ")}`), paragraph(output.text)];
  };
  const label = (output) => [output.condition, output.ablated, output.seed === null ? "" : `draw ${output.seed}`].filter(Boolean).join(" ");
  const show = () => {
    const list = chosen(), sample = list[at];
    by("sample-at").textContent = `document ${at + 1} of ${list.length}`;
    // A button that were disabled would take the focus away from who steps by keyboard.
    by("sample-previous").setAttribute("aria-disabled", at === 0);
    by("sample-next").setAttribute("aria-disabled", at === list.length - 1);
    by("sample-document").replaceChildren(
      pane("Prompt", [paragraph(sample.prompt)]), pane("Right answer", [paragraph(sample.target)]));
    const outputs = sample.outputs.filter((one) => !one.ablated || one.ablated === ablated.value);
    by("sample-outputs").replaceChildren(...outputs.map((one) => pane(label(one), body(one, sample.language))));
    const found = distinct([sample.language, ...outputs.flatMap((one) => one.lines || [])]);
    by("sample-key").replaceChildren(...found.map((code) => entry(code, sample.language)));
  };
  const again = () => {
    fill(task, distinct(ofModel().map((sample) => sample.task)));
    const list = chosen();
    fill(ablated, distinct(list.flatMap((s) => s.outputs.map((one) => one.ablated)).filter(Boolean)));
    ablated.parentElement.hidden = !ablated.options.length;
    at = Math.min(at, list.length - 1);
    show();
  };
  const own = () => {  // begin with the language of the task itself
    const language = chosen()[0].language;
    if ([...ablated.options].some((option) => option.value === language)) ablated.value = language;
  };
  fill(model, distinct(samples.map(name)));
  // Begin where ablation shows: an output in another language than the task's.
  const strays = (one, language) => one.ablated === language && (one.lines || []).some((code) => code && code !== language);
  const lost = (sample) => sample.outputs.some((one) => strays(one, sample.language));
  const first = ofModel().find(lost) || ofModel()[0];
  document.querySelector(".viewer").hidden = false;
  again();
  task.value = first.task;
  at = chosen().indexOf(first);
  again(); own(); show();
  model.addEventListener("change", () => { at = 0; again(); own(); show(); });
  task.addEventListener("change", () => { at = 0; again(); own(); show(); });
  ablated.addEventListener("change", show);
  const move = (step) => {
    const next = at + step;
    if (next >= 0 && next < chosen().length) { at = next; show(); }
  };
  by("sample-previous").addEventListener("click", () => move(-1));
  by("sample-next").addEventListener("click", () => move(1));
})();
