// What has a title that explains it gets a button, so that people without a mouse can read it too.
"use strict";

let meanings = 0;

function addMeanings(root) {
  for (const named of root.querySelectorAll("dt[title], th[title]")) {
    const words = named.textContent.trim();
    const meaning = document.createElement("span");
    meaning.className = "meaning";
    meaning.id = `meaning-${++meanings}`;
    meaning.popover = "auto";
    meaning.textContent = named.title;
    const button = document.createElement("button");
    button.className = "why";
    button.type = "button";
    button.popoverTargetElement = meaning;
    button.setAttribute("aria-label", document.body.dataset.explain.replace("%s", words));
    named.removeAttribute("title");
    named.append(button, meaning);
    meaning.addEventListener("toggle", (event) => event.newState === "open" && place(meaning, button));
    named.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && meaning.showPopover());
    named.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && meaning.hidePopover());
  }
}

function place(meaning, button) {
  const at = button.getBoundingClientRect();
  const below = at.bottom + 4 + meaning.offsetHeight < innerHeight;
  meaning.style.left = `${Math.max(8, Math.min(at.left, innerWidth - meaning.offsetWidth - 8))}px`;
  meaning.style.top = `${below ? at.bottom + 4 : at.top - 4 - meaning.offsetHeight}px`;
}

document.addEventListener("DOMContentLoaded", () => addMeanings(document));
document.addEventListener("htmx:load", (event) => addMeanings(event.detail.elt));
