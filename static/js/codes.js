// A field of several codes, separated by commas, is offered what tills have sold for the code that is being typed.
"use strict";

document.addEventListener("input", (event) => {
  const field = event.target.closest("input[data-sold]");
  if (!field) return;
  const before = field.value.split(",").slice(0, -1).map((code) => code.trim());
  const sold = document.getElementById(`sold-${field.dataset.sold}`);
  let own = document.getElementById(`${field.id}-sold`);
  if (!own) {
    own = document.createElement("datalist");
    own.id = `${field.id}-sold`;
    field.after(own);
    field.setAttribute("list", own.id);
  }
  const codes = [...sold.options].map((option) => option.value).filter((code) => !before.includes(code));
  own.replaceChildren(...codes.map((code) => new Option("", [...before, code].join(", "))));
});
