const parameters = document.getElementById("parameters");
const unfold = () => { if (parameters) parameters.open = true; };
document.querySelectorAll('a[href="#parameters"]').forEach((link) => link.addEventListener("click", unfold));
addEventListener("beforeprint", unfold);
const folds = document.querySelectorAll("details.fold");
addEventListener("beforeprint", () => folds.forEach((fold) => { fold.open = true; }));
const unfoldTarget = () => {
  const fold = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details.fold");
  if (fold) fold.open = true;
};
addEventListener("hashchange", unfoldTarget);
unfoldTarget();
const failed = document.getElementById("failed-cell");
if (failed && !location.hash) addEventListener("load", () => failed.scrollIntoView({ block: "center", behavior: "instant" }));
