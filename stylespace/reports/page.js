"use strict";
// Without script the page is whole: it only lets heat maps answer for their entries, wide tables
// scroll by keyboard, paper show what is folded up, and the contents say where one is.

/** Let tables and figures that are wider than the page be scrolled by keyboard, under a name. */
function nameScrollers() {
  for (const box of document.querySelectorAll(".table, .sheet")) {
    if (box.scrollWidth <= box.clientWidth) continue;
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    const named = box.querySelector("caption") ?? box.nextElementSibling;
    box.setAttribute("aria-label", named.textContent);
    const hint = document.createElement("p");
    hint.className = "scrolls";
    hint.setAttribute("aria-hidden", "true");
    hint.textContent = "↔ scrolls sideways";
    box.before(hint);
  }
}

/** Say in the contents which heading was last passed. */
function followReader() {
  const links = new Map();
  for (const link of document.querySelectorAll("nav a")) {
    links.set(document.getElementById(decodeURIComponent(link.hash.slice(1))), link);
  }
  const mark = () => {
    const passed = [...links.keys()].filter(
      (heading) => heading.getBoundingClientRect().top < 0.4 * innerHeight,
    );
    for (const [heading, link] of links) {
      if (heading === passed.at(-1)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  let waiting = false;
  addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; mark(); });
    waiting = true;
  }, { passive: true });
  mark();
}

/** Unfold everything on paper, and fold it up again. */
function unfoldOnPaper() {
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
  });
}

/** Let every heat map of the page answer for its entries. */
function openEntries() {
  const data = document.getElementById("page--entries");
  if (!data) return;
  const entries = new Entries(JSON.parse(data.textContent));
  const panel = new EntryPanel(entries);
  for (const map of document.querySelectorAll(".map[data-layer]")) {
    new HeatMap(map, entries, panel);
  }
}

/** Let the thumbnails that a page begins with be enlarged where they stand. */
function enlargeThumbnails() {
  for (const link of document.querySelectorAll(".opening a")) {
    const image = link.querySelector("img");
    const small = image.src;
    const key = decodeURIComponent(link.hash.slice(1));
    const portrait = document.querySelector(`img.portrait[data-picture="${CSS.escape(key)}"]`);
    link.setAttribute("role", "button");
    link.setAttribute("aria-expanded", "false");
    link.addEventListener("click", (event) => {
      if (!portrait) return;
      event.preventDefault();
      const large = link.parentElement.classList.toggle("large");
      image.src = large ? portrait.src : small;
      link.setAttribute("aria-expanded", String(large));
    });
  }
}

openEntries();
enlargeThumbnails();
for (const figure of document.querySelectorAll(".comparison")) new Comparison(figure);
unfoldOnPaper();
nameScrollers();
followReader();
