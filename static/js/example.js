// Whoever types a quantity of the example basket goes on typing when the answer to an earlier one arrives: it is left out,
// since the next one is on its way.
"use strict";

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const field = document.activeElement;
  if (detail.target.id !== "says" || !field?.matches("#example input[type=number]")) return;
  const sent = detail.requestConfig.parameters[field.name];
  if (sent !== undefined && sent !== field.value) detail.shouldSwap = false;
});
