// The preview beside the editor. Its head comes by htmx while somebody types; then the form itself is sent into a frame,
// so that the mail is shown from an address of its own, under a policy of its own.
"use strict";

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "preview-head") return;
  hideKeptTags();
  const holder = document.getElementById("preview-holder");
  const isWrong = event.detail.target.querySelector("[data-trouble]") !== null;
  holder.classList.toggle("stale", isWrong);
  if (!isWrong) renew(holder);
});

// A browser leaves for one address at a time with a form: to send it into a frame while it is being saved would undo that.
let isLeaving = false;
document.addEventListener("submit", (event) => {
  if (event.target.id === "editor" && !event.submitter?.formTarget) isLeaving = true;
});
for (const name of ["pageshow", "input"]) window.addEventListener(name, () => (isLeaving = false)); // nobody has left

// A fresh frame each time: what is sent into it is no page to go back to. The one before stays until it has loaded.
let frames = 0;

function renew(holder) {
  if (isLeaving) return;
  const before = [...holder.querySelectorAll("iframe")];
  const fresh = before[0].cloneNode();
  fresh.removeAttribute("src");
  fresh.name = `preview-${++frames}`;
  fresh.classList.add("loading");
  holder.append(fresh);
  fresh.addEventListener("load", () => {
    fresh.classList.remove("loading");
    for (const frame of before) frame.remove();
  });
  const button = document.getElementById("show-typed");
  button.formTarget = fresh.name;
  document.getElementById("editor").requestSubmit(button);
}

// Whoever cancels the conversion of merge tags is not asked about the same ones again while they go on typing.
let keptTags = "";

function hideKeptTags() {
  const offer = document.getElementById("foreign-tags");
  if (offer) offer.hidden = offer.querySelector("tbody").textContent === keptTags;
}

document.addEventListener("click", (event) => {
  if (event.target.id !== "keep-tags") return;
  keptTags = document.querySelector("#foreign-tags tbody").textContent;
  hideKeptTags();
  document.getElementById("id_body").focus();
});
