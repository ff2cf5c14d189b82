// Tells when another version answers than the page shows. Nothing moves by itself: the reader is offered the newer page.
const page = document.querySelector("[data-shows]");
const news = document.getElementById("news");
let before = null;

async function look() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/model", { headers: { Accept: "application/json" } });
    const model = (await answer.json()).model;
    const now = model ? String(model.version) : "";
    // Twice the same: for a moment after a promotion the workers differ.
    if (now !== page.dataset.shows && now === before) tell(now);
    before = now;
  } catch { /* the server is away; the next look may find it */ }
}

function tell(version) {
  if (news.dataset.told === version) return;
  news.dataset.told = version;
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "Show it";
  news.replaceChildren(version ? `Version ${version} is in production now. ` : "Nothing is in production now. ", link);
  news.hidden = false;
}

if (page) setInterval(look, 2000);
