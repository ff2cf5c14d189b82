(() => {
  const slider = document.getElementById("choice");
  const known = JSON.parse(document.getElementById("choices").textContent);
  const told = (number) => Math.round(number).toLocaleString("en-US").replace("-", "−");
  const show = () => {
    const [contacted, leavers, cost, profit] = known.rows[slider.value];
    const share = known.leavers ? Math.round(100 * leavers / known.leavers) : 0;
    const said = { contacted: told(contacted), leavers: `${told(leavers)} (${share}%)`, cost: told(cost), profit: told(profit) };
    Object.entries(said).forEach(([of, text]) => { document.querySelector(`.choice [data-of=${of}]`).textContent = text; });
    slider.setAttribute("aria-valuetext", `${said.contacted} customers contacted: ${said.leavers} leavers caught, cost ${said.cost}, profit ${said.profit}`);
  };
  slider.addEventListener("input", show);
  slider.closest(".slide").hidden = false;
  document.querySelector(".choice details").open = false;
  show();
})();
