/* What Sphinx's search asks of the page around it, in Swedish. In place of Sphinx's doctools.js and translations.js,
   which lack these words and compile text into code, which a strict security policy forbids. */
"use strict";

const SPHINX_HIGHLIGHT_ENABLED = false;

const SEARCH_WORDS = {
  Searching: "Söker",
  "Search Results": "Sökresultat",
  "Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.":
    "Inget kapitel innehåller det du söker. Se efter att orden är rätt stavade, eller sök på färre ord.",
  "Search finished, found ${resultCount} page(s) matching the search query.": "Antal träffar: ${resultCount}.",
};

const Documentation = { gettext: (text) => SEARCH_WORDS[text] ?? text };
const _ = Documentation.gettext;

const _ready = (start) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
};
