"use strict";
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const low = (text) => text.toLowerCase();
  document.documentElement.classList.add("js");

  // The list of tenants that a fold names: written in it, or further down the page.
  const listOf = (names) => {
    const reference = names.querySelector("[data-of]");
    return reference ? byId("list-" + reference.dataset.of) : names;
  };
  const lists = new Map();
  const known = (list) => {
    if (!lists.has(list)) {
      const tenants = all("li", list).map((each) => [each.textContent, each.parentElement.dataset.said || ""]);
      lists.set(list, { tenants, text: low(tenants.map(([name]) => name).join("\n")) });
    }
    return lists.get(list);
  };

  // A row that holds others, in the tree, has the text of its own line only.
  const describe = (element) => {
    const own = element.querySelector("[data-row]") ? element.querySelector(".t") : element;
    const folds = [];
    const above = [];
    for (let up = element.parentElement; up; up = up.parentElement) {
      if (up.tagName === "DETAILS") folds.push(up);
      else if (up.dataset.row !== undefined) above.push(up);
    }
    return {
      element,
      folds,
      above,
      text: low(own.textContent.replace(/List \d+ of tenants/g, "")),
      states: element.dataset.row.split(" "),
      named: all(".names", own).map((names) => [names.parentElement, known(listOf(names))]),
    };
  };
  let described;
  const rows = () => (described ??= all("[data-row]").map(describe));

  const query = byId("q");
  const only = byId("only");
  const found = byId("found");
  const opened = new Set();
  const open = (fold) => {
    if (!fold.open) {
      fold.open = true;
      opened.add(fold);
    }
  };

  const search = () => {
    const words = low(query.value).split(/\s+/).filter(Boolean);
    const state = only.value;
    const searching = words.length > 0 || state !== "";
    for (const fold of opened) fold.open = false;
    opened.clear();
    const matching = rows().filter(
      (row) =>
        words.every((word) => row.text.includes(word) || row.named.some(([, list]) => list.text.includes(word))) &&
        (!state || row.states.includes(state)),
    );
    const shown = new Set();
    for (const row of matching) {
      shown.add(row.element);
      for (const up of row.above) shown.add(up);
      if (searching) row.folds.forEach(open);
    }
    for (const row of rows()) row.element.hidden = !shown.has(row.element);
    for (const part of all("[data-part]")) {
      part.hidden = searching && !all("[data-row]", part).some((row) => !row.hidden);
    }
    const number = matching.length;
    found.textContent = searching ? (number ? number.toLocaleString("en") : "nothing") + " found" : "";
    tell(words, matching);
    highlight(words, matching);
    for (const button of all("button[data-state]")) {
      button.setAttribute("aria-pressed", String(button.dataset.state === state));
    }
    const address = new URLSearchParams(Object.entries({ q: query.value.trim(), only: state }).filter(([, value]) => value));
    if (searching || /^#(q|only)=/.test(location.hash)) {
      history.replaceState(null, "", String(address) ? "#" + address : location.pathname + location.search);
    }
  };

  // The tenants that a search found in a list, told beside it, so that the list need not unfold.
  const MOST_TOLD = 300;
  const COLOURS = { "get it": "changes", withheld: "held", blocked: "blocked" };
  const told = (name, said) => {
    const text = document.createElement("span");
    text.className = COLOURS[said] ?? "m";
    text.textContent = said ? name + ": " + said : name;
    return text;
  };
  const tell = (words, matching) => {
    for (const each of all(".hit")) each.remove();
    if (!words.length) return;
    let left = MOST_TOLD;
    for (const row of matching) {
      for (const [fold, list] of row.named) {
        if (left <= 0) return;
        const unseen = words.filter((word) => list.text.includes(word));
        const hits = list.tenants.filter(([name]) => unseen.some((word) => low(name).includes(word)));
        if (!hits.length || hits.length === list.tenants.length) continue;
        left -= 1;
        const note = document.createElement("p");
        note.className = "hit";
        for (const [name, said] of hits.slice(0, 3)) note.append(told(name, said));
        if (hits.length > 3) note.append("and " + (hits.length - 3).toLocaleString("en") + " more");
        fold.after(note);
      }
    }
  };

  const MOST_RANGES = 1000;
  const highlight = (words, matching) => {
    if (!self.Highlight) return;
    CSS.highlights.delete("found");
    if (!words.length) return;
    const ranges = [];
    for (const row of matching) {
      const texts = document.createTreeWalker(row.element, NodeFilter.SHOW_TEXT);
      for (let text; (text = texts.nextNode()) && ranges.length < MOST_RANGES; ) {
        const data = low(text.data);
        for (const word of words) {
          for (let at = data.indexOf(word); at >= 0; at = data.indexOf(word, at + word.length)) {
            if (at + word.length > text.length) break;
            const range = new Range();
            range.setStart(text, at);
            range.setEnd(text, at + word.length);
            ranges.push(range);
          }
        }
      }
      if (ranges.length >= MOST_RANGES) break;
    }
    CSS.highlights.set("found", new Highlight(...ranges));
    for (const range of ranges.slice(0, 60)) {
      const inside = range.startContainer.parentElement;
      const fold = inside.closest("details:not(.who)");
      if (fold && !inside.closest("summary")) open(fold);
    }
  };

  let timer;
  query.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 120);
  });
  only.addEventListener("change", search);

  const show = (state) => {
    only.value = only.value === state ? "" : state;
    search();
  };
  for (const link of all("a[data-state]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.state = link.dataset.state;
    button.title = "Show what concerns these tenants";
    button.setAttribute("aria-pressed", "false");
    button.append(...link.childNodes);
    button.addEventListener("click", () => show(button.dataset.state));
    link.replaceWith(button);
  }

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      query.focus();
      query.select();
    } else if (event.key === "Escape" && (query.value || only.value)) {
      query.value = "";
      only.value = "";
      search();
    }
  });

  // A list of tenants is copied to where it is unfolded.
  document.addEventListener(
    "toggle",
    (event) => {
      const reference = event.target.open && event.target.querySelector(":scope > .names > [data-of]");
      if (!reference) return;
      const copies = [...byId("list-" + reference.dataset.of).children].map((each) => each.cloneNode(true));
      reference.replaceWith(...copies);
    },
    true,
  );

  const unfold = byId("unfold");
  unfold.addEventListener("click", () => {
    const pressed = unfold.getAttribute("aria-pressed") !== "true";
    for (const fold of all("main details:not(.who)")) fold.open = pressed;
    opened.clear();
    unfold.textContent = pressed ? "Fold all" : "Unfold all";
    unfold.setAttribute("aria-pressed", String(pressed));
  });

  if (navigator.clipboard) {
    for (const box of all(".cmd")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(box.querySelector("code").textContent);
        button.textContent = "Copied";
        setTimeout(() => (button.textContent = "Copy"), 1500);
      });
      box.append(button);
    }
  }

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open]):not(.who)");
    for (const fold of closed) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of closed) fold.open = false;
  });

  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("q") || asked.has("only")) {
    query.value = asked.get("q") ?? "";
    only.value = asked.get("only") ?? "";
    if (only.selectedIndex < 0) only.value = "";
    search();
  }
})();
