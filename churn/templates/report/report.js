const button = document.getElementById("code-switch");
button.addEventListener("click", () => {
  const show = button.textContent.startsWith("Show");
  document.querySelectorAll("details.code").forEach((cell) => { cell.open = show; });
  button.textContent = show ? "Hide all code" : "Show all code";
});
