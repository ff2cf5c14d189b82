// What the theme puts into a page as it opens, mended for who goes by keyboard or by ear: the bar of the copy button is
// no landmark, the search has a name, and a table that scrolls inside itself can be scrolled by keys.
function mend() {
  document.querySelectorAll("nav.md-code__nav:not([role])").forEach((bar) => bar.setAttribute("role", "none"));
  document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])").forEach((table) => (table.tabIndex = 0));
}
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
mend();
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
