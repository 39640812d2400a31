// What a page does beyond being read: themes, sorting, filters, copying. Without it all is there to be read.
"use strict";
{
  const root = document.documentElement;
  const make = (tag, more) => Object.assign(document.createElement(tag), more);

  // -- light and dark: the system's, until somebody chooses the other one ---------------------------------------------
  const KEY = "lwm2m-fleet-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const theme = document.querySelector("button.theme");
  const own = () => (system.matches ? "dark" : "light");
  const other = () => ((root.dataset.theme || own()) === "dark" ? "light" : "dark");
  const tell = () => { theme.textContent = other() === "dark" ? "Dark theme" : "Light theme"; };
  theme.addEventListener("click", () => {
    const chosen = other();
    if (chosen === own()) delete root.dataset.theme; else root.dataset.theme = chosen;
    try {
      if (chosen === own()) localStorage.removeItem(KEY); else localStorage.setItem(KEY, chosen);
    } catch (blocked) { /* it lasts as long as the page */ }
    tell();
  });
  system.addEventListener("change", tell);
  theme.hidden = false;
  tell();

  // -- tables: sorted by the figure itself where a cell has one, else by its words ------------------------------------
  const words = new Intl.Collator("en", { numeric: true });
  const compare = (a, b) => {
    if (a.value !== null && b.value !== null) return a.value - b.value;
    if (a.value !== null || b.value !== null) return a.value !== null ? -1 : 1;
    return words.compare(a.text, b.text);
  };
  const key = (row, place) => {
    const cell = row.cells[place];
    return { row, value: "v" in cell.dataset ? Number(cell.dataset.v) : null, text: cell.textContent };
  };
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  const sort = (table, written, head) => {
    const order = NEXT[head.getAttribute("aria-sort") || "none"];
    for (const one of table.tHead.rows[0].cells) one.removeAttribute("aria-sort");
    if (order !== "none") head.setAttribute("aria-sort", order);
    let rows = written;
    if (order !== "none") {
      const keys = written.map((row) => key(row, head.cellIndex));
      const known = keys.filter((one) => one.value !== null).sort(compare);
      const rest = keys.filter((one) => one.value === null).sort(compare);
      if (order === "descending") { known.reverse(); rest.reverse(); }
      rows = [...known, ...rest].map((one) => one.row);  // what was not measured stays below
    }
    table.tBodies[0].append(...rows);
  };
  const heads = [], buttons = [];
  const sortable = (table) => {
    const written = [...table.tBodies[0].rows];
    if (written.length < 2) return;
    for (const head of table.tHead.rows[0].cells) {
      const button = make("button", { type: "button", textContent: head.textContent });
      button.addEventListener("click", () => sort(table, written, head));
      head.replaceChildren(button);
      heads.push(head);
      buttons.push(button);
    }
  };

  const LONG = 12;
  const filterable = (table) => {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < LONG) return;
    const box = make("label", { className: "filter", textContent: "Filter " });
    const field = make("input", { type: "search" });
    const told = make("span");
    told.setAttribute("role", "status");
    box.append(field, told);
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
      told.textContent = wanted ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
    });
    table.closest(".wide").before(box);
  };

  for (const table of document.querySelectorAll("table[id^='t-']")) {
    sortable(table);
    filterable(table);
  }

  // -- commands ------------------------------------------------------------------------------------------------------
  const copied = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch (blocked) {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  };
  for (const code of document.querySelectorAll("code.copy")) {
    const button = make("button", { type: "button", className: "copier", textContent: "Copy" });
    button.setAttribute("aria-label", `Copy: ${code.textContent}`);
    button.addEventListener("click", async () => {
      button.textContent = (await copied(code)) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    const block = code.closest("pre");
    if (block) block.after(button); else code.before(button);
  }

  // -- what is folded: open where a link leads there, and on paper ------------------------------------------------------
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const folded = target && target.closest("details");
    if (folded && !folded.open) { folded.open = true; target.scrollIntoView(); }
  };
  // A card over the page (one of a group, so it has a name) goes away by Escape and by a click beside it.
  const putAway = () => { for (const one of document.querySelectorAll("details[name][open]")) one.open = false; };
  addEventListener("keydown", (event) => { if (event.key === "Escape") putAway(); });
  addEventListener("click", (event) => { if (!event.target.closest("details[name]")) putAway(); });
  addEventListener("hashchange", reveal);
  reveal();
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open], [name])")];
    for (const one of opened) one.open = true;
    // Chromium does not repeat a header on the next sheet that has a button in it.
    for (const button of buttons) button.replaceWith(button.textContent);
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    for (const [place, head] of heads.entries()) head.replaceChildren(buttons[place]);
  });
  // A region that has nothing to scroll needs no stop of the Tab key.
  const stops = () => {
    for (const one of document.querySelectorAll("[role=region]")) one.tabIndex = one.scrollWidth > one.clientWidth ? 0 : -1;
  };
  addEventListener("resize", stops);
  stops();
}
