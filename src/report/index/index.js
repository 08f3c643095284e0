"use strict";
// Search and filter. Everything is readable without.
(() => {
  const calls = [...document.querySelectorAll(".call")].map((row) => ({ row, text: row.dataset.find.toLowerCase(), state: row.dataset.state }));
  const controls = document.getElementById("controls"), search = document.getElementById("search");
  const shown = document.getElementById("shown"), none = document.getElementById("none");
  const buttons = [...controls.querySelectorAll("button[data-state]")];
  let state = "";
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const call of calls) {
      const fits = (!state || call.state === state) && words.every((w) => call.text.includes(w));
      call.row.hidden = !fits;
      n += fits;
    }
    shown.textContent = `${n} of ${calls.length} shown`;
    none.hidden = n > 0;
    for (const b of buttons) b.setAttribute("aria-pressed", String(b.dataset.state === state));
  };
  search.addEventListener("input", apply);
  for (const b of buttons) b.addEventListener("click", () => { state = b.dataset.state; apply(); });
  controls.hidden = false;
  document.getElementById("summary").hidden = true; // the filters count, too
  apply();
})();
