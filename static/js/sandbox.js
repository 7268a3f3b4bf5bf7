// An article that a till has sold fills in the rest of its line, but for what somebody has typed there.
"use strict";

document.addEventListener("input", (event) => {
  const sku = event.target.closest('.basket-line [data-field="sku"] input');
  const known = sku && [...document.getElementById("goods").options].find((option) => option.value === sku.value);
  if (!known) return;
  for (const name of ["categories", "brand", "unit_price"]) {
    const input = sku.closest(".basket-line").querySelector(`[data-field="${name}"] input`);
    if (["", input.dataset.suggested].includes(input.value)) {
      input.value = input.dataset.suggested = known.dataset[name];
    }
  }
});
