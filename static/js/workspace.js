// The little that HTML and htmx do not do by themselves. Every page works without it.
"use strict";

const ask = () => document.getElementById("ask");
const trouble = () => document.getElementById("trouble");
// a text for people, which templates/_script_texts.html has in their language; undefined when there is none
const say = (name) => document.getElementById("texts").content.querySelector(`[data-for="${name}"]`)?.textContent;

// A question fetched into the dialog opens it; firing its answer closes it.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target === ask() && !ask().open) ask().showModal();
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { elt, requestConfig, successful, xhr } = event.detail;
  if (requestConfig.verb !== "post") return;
  const asksAgain = xhr.getResponseHeader("HX-Retarget") === "#ask";
  if (ask()?.contains(elt) && !asksAgain) ask().close();
  if (successful) for (const message of document.querySelectorAll("[data-page-message]")) message.remove();
});

// Whoever works by keyboard stays where they were when the part they were in is swapped, as after a confirmed step.
// Noted before the request, which disables the button that was pressed and so takes the focus from it.
const pressed = new WeakSet();
document.addEventListener("htmx:beforeRequest", ({ detail: { elt, xhr } }) => {
  if (elt.contains(document.activeElement)) pressed.add(xhr);
});
document.addEventListener("htmx:afterSettle", ({ detail: { elt: part, xhr } }) => {
  if (!pressed.has(xhr)) return;
  setTimeout(() => { // the dialog whose answer this is closes after it
    if (document.activeElement !== document.body || ask().open || !part.isConnected) return;
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
  });
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-closes]") && ask()?.open) {
    event.preventDefault();
    ask().close();
  }
});

// What somebody typed or chose while the page was still loading was heard by nobody. Buttons and links work by themselves.
const isTouched = (field) => {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.type !== "select-one" && field.type !== "select-multiple") return field.value !== field.defaultValue;
  const options = [...field.options];
  const isBlank = field.type === "select-one" && !options.some((option) => option.defaultSelected);
  return isBlank ? field.selectedIndex > 0 : options.some((option) => option.selected !== option.defaultSelected);
};
document.addEventListener("DOMContentLoaded", () => {
  for (const field of document.querySelectorAll("input, select, textarea")) {
    if (!isTouched(field)) continue;
    for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, { bubbles: true }));
  }
});

// On a small screen the tab that is shown may lie beyond the edge, and so may the place in the menu on a low one.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.querySelector(".side .entry[aria-current]")?.scrollIntoView({ block: "nearest" });

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
// The server says no to the others for good: there is no use in asking again.
const mayPass = (status) => status === 429 || status >= 500;

function tellTrouble(sentence, { elt, target, requestConfig: { verb, path, triggeringEvent } }, isPassing = true) {
  const again = document.createElement("button");
  again.type = "button";
  again.className = "btn btn-sm";
  again.textContent = say("again");
  again.addEventListener("click", () => htmx.ajax(verb, path, { source: elt, target, event: triggeringEvent }));
  trouble().replaceChildren(sentence, ...(isPassing && elt.isConnected ? [" ", again] : []));
}
document.addEventListener("htmx:responseError", ({ detail }) => {
  const { status } = detail.xhr;
  const sentence = say(status) ?? say("other").replace("{status}", status);
  tellTrouble(sentence, detail, mayPass(status));
});
document.addEventListener("htmx:sendError", ({ detail }) => {
  tellTrouble(say("away"), detail);
});
document.addEventListener("htmx:timeout", ({ detail }) => {
  tellTrouble(say("slow"), detail);
});
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) trouble().textContent = "";
});

// A part that is swapped every two seconds says aloud only what it marks as news.
document.addEventListener("htmx:afterSettle", (event) => {
  const news = event.target.closest?.("[data-announce]") ?? event.target.querySelector?.("[data-announce]");
  const announcer = document.getElementById("announcer");
  if (news && announcer.textContent !== news.dataset.announce) announcer.textContent = news.dataset.announce;
});

// A button beside something that is to be copied: without the clipboard, as on a site without HTTPS, it is selected.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(source.textContent);
    document.getElementById("announcer").textContent = say("copied");
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, 2000);
  } catch {
    getSelection().selectAllChildren(source);
  }
});
