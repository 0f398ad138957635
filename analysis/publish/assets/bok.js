/* The page's own sections are listed in a menu that lies over the page: close it once one of them is chosen. */
"use strict";

for (const menu of document.querySelectorAll("nav[popover]")) {
  menu.addEventListener("click", (event) => {
    if (event.target.closest("a") && menu.matches(":popover-open")) menu.hidePopover();
  });
}
