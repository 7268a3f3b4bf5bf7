// The little that HTML and htmx do not do by themselves. Every page works without it.
"use strict";

const ask = () => document.getElementById("ask");
const trouble = () => document.getElementById("trouble");

// A question fetched into the dialog opens it; firing its answer closes it.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === ask() && !ask().open) ask().showModal();
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (ask()?.contains(event.detail.elt) && event.detail.requestConfig.verb === "post") ask().close();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-closes]") && ask()?.open) {
    event.preventDefault();
    ask().close();
  }
});

// On a small screen the tab that is shown may lie beyond the edge.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// A menu closes when somebody turns to something else.
const shut = (except) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
};
document.addEventListener("click", (event) => shut(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// What went wrong between the browser and the server is said, not swallowed; the next good answer takes it back.
document.addEventListener("htmx:responseError", (event) => {
  const { status, statusText } = event.detail.xhr;
  trouble().textContent =
    status === 403 ? "You may not do that." : `The server could not answer (${status} ${statusText}). Try again.`;
});
document.addEventListener("htmx:sendError", () => {
  trouble().textContent = "The server cannot be reached. What you see may be out of date.";
});
document.addEventListener("htmx:afterOnLoad", () => {
  trouble().textContent = "";
});

// A part that is swapped every two seconds says aloud only what it marks as news.
document.addEventListener("htmx:afterSettle", (event) => {
  const news = event.target.closest?.("[data-announce]") ?? event.target.querySelector?.("[data-announce]");
  const announcer = document.getElementById("announcer");
  if (news && announcer.textContent !== news.dataset.announce) announcer.textContent = news.dataset.announce;
});
