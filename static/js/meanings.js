// What has a title that explains it gets a button, so that people without a mouse can read it too.
"use strict";

let meanings = 0;

function addMeanings(root) {
  for (const named of root.querySelectorAll("dt[title], th[title]")) {
    const { title } = named;
    const meaning = document.createElement("span");
    meaning.className = "meaning";
    meaning.id = `meaning-${++meanings}`;
    meaning.popover = "auto";
    const button = document.createElement("button");
    button.className = "why";
    button.type = "button";
    button.popoverTargetElement = meaning;
    button.setAttribute("aria-label", document.body.dataset.explain.replace("%s", named.textContent.trim()));
    named.removeAttribute("title");
    named.append(button, meaning);
    // what is not shown is no text of the page, for whoever searches it
    meaning.addEventListener("beforetoggle", (event) => (meaning.textContent = event.newState === "open" ? title : ""));
    meaning.addEventListener("toggle", (event) => event.newState === "open" && placeMeaning(meaning, button));
    named.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && meaning.showPopover());
    named.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && meaning.hidePopover());
  }
}

function placeMeaning(meaning, button) {
  const at = button.getBoundingClientRect();
  const below = at.bottom + 4 + meaning.offsetHeight < innerHeight;
  meaning.style.left = `${Math.max(8, Math.min(at.left, innerWidth - meaning.offsetWidth - 8))}px`;
  meaning.style.top = `${below ? at.bottom + 4 : at.top - 4 - meaning.offsetHeight}px`;
}

document.addEventListener("DOMContentLoaded", () => addMeanings(document));
document.addEventListener("htmx:load", (event) => addMeanings(event.detail.elt));
