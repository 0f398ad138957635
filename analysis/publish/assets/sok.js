/* What Sphinx's search asks of the page around it, in Swedish. In place of Sphinx's doctools.js and translations.js,
   which lack these words and compile text into code, which a strict security policy forbids. */
"use strict";

const SPHINX_HIGHLIGHT_ENABLED = false;
const SNIPPET_LENGTH = 240;
// Not running text: what is folded away, what stands in tables and charts, and the explanations of terms.
const NOT_IN_SNIPPETS = "h1, h2, h3, figure, details, nav, script, .ab-rullning, .ab-dold, [popover]";
const NO_HITS =
  "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.";

const SEARCH_WORDS = {
  Searching: "Söker",
  "Search Results": "Sökresultat",
  "Search finished, found ${resultCount} page(s) matching the search query.": "Antal träffar: ${resultCount}.",
};

const Documentation = {
  gettext: (text) => (text === NO_HITS ? noHits() : (SEARCH_WORDS[text] ?? text)),
};
const _ = Documentation.gettext;

/* Sphinx's search starts through this. By then it is there to be fitted to the page. */
const _ready = (start) => {
  fitSearch();
  start();
};

function noHits() {
  const asked = splitQuery(new URLSearchParams(location.search).get("q") ?? "");
  const unsearchable = asked.every((word) => /^\d+$/.test(word) || stopwords.includes(word.toLowerCase()));
  return unsearchable
    ? "Sökningen hittar ord, inte tal och inte småord som ”och”. Skriv ett ord till."
    : "Inget kapitel innehåller det du söker. Se efter att orden är rätt stavade, eller sök på färre ord.";
}

function fitSearch() {
  // A page opened from the reader's own disk may not be read by another.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  Search.makeSearchSummary = (html, stems, anchor) => {
    const found = new DOMParser().parseFromString(html, "text/html");
    const place = (anchor && found.getElementById(anchor.slice(1))) || found.querySelector("article");
    for (const element of place.querySelectorAll(NOT_IN_SNIPPETS)) element.remove();
    // Between blocks there need not be a space.
    for (const block of place.querySelectorAll("p, li, dt, dd, div")) block.append(" ");
    const text = place.textContent.replace(/\s+/g, " ").trim();
    const places = [...stems].map((stem) => text.toLowerCase().indexOf(stem)).filter((position) => position >= 0);
    const first = Math.max(0, Math.min(...places, text.length) - SNIPPET_LENGTH / 2);
    const start = places.length && first ? text.indexOf(" ", first) + 1 : 0;
    const snippet = document.createElement("p");
    snippet.className = "context";
    snippet.textContent = `${start ? "… " : ""}${text.slice(start, start + SNIPPET_LENGTH).trim()}${start + SNIPPET_LENGTH < text.length ? " …" : ""}`;
    return snippet;
  };

  // Said once, when the search is done: the list of hits grows one by one and would be read aloud each time.
  const stop = Search.stopPulse;
  Search.stopPulse = () => {
    stop();
    queueMicrotask(() => (document.getElementById("sok-svar").textContent = Search.status.textContent));
  };
}
