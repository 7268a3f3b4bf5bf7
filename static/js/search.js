// The search over everything: "/" or Ctrl-K opens it in a dialog; arrows go from hit to hit. Without this it is a page.
"use strict";

const searchDialog = () => document.getElementById("search");

const openSearch = async () => {
  const dialog = searchDialog();
  if (dialog.open || document.querySelector("dialog[open]")) return;
  if (!dialog.childElementCount) {
    await htmx.ajax("GET", document.querySelector("[data-search]").href, { target: dialog, swap: "innerHTML" });
    if (!dialog.childElementCount) return; // what went wrong is said by workspace.js
  }
  document.getElementById("menu").hidePopover?.();
  dialog.showModal();
  dialog.querySelector("input[type=search]").select();
};

const isTyping = (element) => element.isContentEditable || element.matches("input, textarea, select");

document.addEventListener("keydown", (event) => {
  const isShortcut = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
  const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target);
  if (!isShortcut && !isSlash) return;
  event.preventDefault();
  openSearch();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-search]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openSearch();
});

document.addEventListener("keydown", (event) => {
  const hits = event.target.closest?.("#search, main")?.querySelectorAll(".hits a");
  if (!hits?.length || !event.target.closest(".hits, [role=search]")) return;
  const place = [...hits].indexOf(document.activeElement);
  if (event.key === "Enter" && place < 0 && event.target.type === "search" && searchDialog().open) {
    event.preventDefault();
    hits[0].click();
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    hits[Math.min(place + 1, hits.length - 1)].focus();
  } else if (event.key === "ArrowUp") {
    event.preventDefault();
    if (place > 0) hits[place - 1].focus();
    else event.target.closest("#search, main").querySelector("input[type=search]").focus();
  }
});
