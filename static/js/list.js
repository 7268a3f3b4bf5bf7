// The list of campaigns by keyboard, and the bar of those that are ticked. Every part works without it.
"use strict";

const list = () => document.getElementById("campaigns");
const boxes = () => [...list().querySelectorAll("input[name=chosen]")];

// The address keeps the filters that were chosen, and no empty ones.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (!detail.elt.matches("[data-plain-address]")) return;
  for (const [name, value] of [...detail.formData.entries()]) if (value === "") detail.formData.delete(name);
});

// The bar is there as soon as something is ticked, and says how much.
const countTicked = () => {
  const bar = document.getElementById("several");
  if (!bar) return;
  const all = boxes();
  const ticked = all.filter((box) => box.checked).length;
  const [every, label] = [bar.querySelector(".all input"), bar.querySelector(".all span")];
  bar.querySelector(".all").hidden = false;
  bar.querySelector(".acts").hidden = ticked === 0;
  every.checked = ticked > 0 && ticked === all.length;
  every.indeterminate = ticked > 0 && ticked < all.length;
  label.textContent = ticked ? say("ticked").replace("{count}", ticked) : say("tick-all");
};
document.addEventListener("change", ({ target }) => {
  if (target.matches("#several .all input")) for (const box of boxes()) box.checked = target.checked;
  if (target.matches("#several .all input, input[name=chosen]")) countTicked();
});
document.addEventListener("htmx:afterSettle", countTicked);
countTicked();

// j and k go from campaign to campaign, x ticks, ? shows the keys. Enter opens the link that has the focus by itself.
const isWriting = (element) => element.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");

const move = (step) => {
  const links = [...list().querySelectorAll("[data-row]")];
  const row = document.activeElement.closest("tbody tr");
  const place = links.findIndex((link) => row?.contains(link));
  links[Math.max(0, Math.min(place + step, links.length - 1))]?.focus();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "x") document.activeElement.closest("tbody tr")?.querySelector("input[name=chosen]")?.click();
  else if (event.key === "?") document.getElementById("keys").togglePopover();
});
