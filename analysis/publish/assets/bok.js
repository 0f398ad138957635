/* The menus of a narrow page lie over it: close them once a place is chosen, and when the window grows wide enough for
   them to stand beside the page. */
"use strict";

for (const [menu, room] of [["kapitel", "62rem"], ["pa-sidan", "96rem"]]) {
  const sheet = document.getElementById(menu);
  if (!sheet) continue;
  const close = () => sheet.matches(":popover-open") && sheet.hidePopover();
  sheet.addEventListener("click", (event) => event.target.closest("a") && close());
  matchMedia(`(min-width: ${room})`).addEventListener("change", close);
}
