// An article that a till has sold fills in the rest of its line, but for what somebody has typed there. It is found by its
// SKU, its barcode or its name.
"use strict";

document.addEventListener("input", (event) => {
  const sku = event.target.closest('.basket-line [data-field="sku"] input');
  if (!sku) return;
  const options = [...document.getElementById("goods").options];
  const typed = sku.value.trim().toLowerCase();
  const isMeant = (option) => [option.dataset.barcode, option.dataset.name].some((text) => text && text.toLowerCase() === typed);
  const known = options.find((option) => option.value === sku.value) ?? options.find(isMeant);
  if (!known) return;
  sku.value = known.value;
  for (const name of ["categories", "brand", "unit_price"]) {
    const input = sku.closest(".basket-line").querySelector(`[data-field="${name}"] input`);
    if (["", input.dataset.suggested].includes(input.value)) {
      input.value = input.dataset.suggested = known.dataset[name];
    }
  }
});
