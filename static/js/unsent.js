// What somebody has typed is not lost: leaving a changed form asks, and a form that was sent when nobody was signed in
// any more comes back filled in. It is kept in this tab only, until the form has arrived.
"use strict";

const KEPT_AS = "unsent-form";
const TOKEN = "[name=csrfmiddlewaretoken]";
const formsOfPage = () => [...document.querySelectorAll("main form[method=post]")];

// ── leaving a changed form asks ──

const changed = new Set();
document.addEventListener("input", (event) => {
  const form = event.target.closest("main form[method=post]");
  const isKept = !event.target.matches("[type=file], #live *"); // what the preview beside a form asks for is not
  if (form && isKept) changed.add(form);
});
const isPreview = (event) => Boolean(event.submitter?.formTarget); // beside the editor: it is no sending
for (const name of ["submit", "form-saved"]) {
  document.addEventListener(name, (event) => isPreview(event) || changed.delete(event.target), true);
}
window.addEventListener("beforeunload", (event) => {
  if ([...changed].some((form) => form.isConnected)) event.preventDefault();
});

// ── a form that did not arrive comes back ──

document.addEventListener("submit", (event) => {
  if (!isPreview(event)) keep(event.target);
});

// A part of the page was asked for when nobody was signed in any more: htmx leaves for the login.
document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr } }) => {
  if (!xhr.getResponseHeader("HX-Redirect")?.startsWith("/login/")) return;
  for (const form of changed) if (form.isConnected) keep(form);
  changed.clear();
});

function keep(typed) {
  const place = formsOfPage().indexOf(typed);
  if (place < 0) return;
  const form = { path: location.pathname, place, html: write(typed) };
  try {
    sessionStorage.setItem(KEPT_AS, JSON.stringify(form));
  } catch (error) {
    if (error.name !== "QuotaExceededError") throw error; // too long to be kept: it is sent all the same
    sessionStorage.removeItem(KEPT_AS);
  }
}

// The form as it stands, with what was typed, and with the rows that were added to it; without passwords.
function write(form) {
  const copy = form.cloneNode(true);
  const fields = [...form.querySelectorAll("input, textarea, option")];
  [...copy.querySelectorAll("input, textarea, option")].forEach((field, index) => {
    const typed = fields[index];
    if (typed.matches("option")) field.toggleAttribute("selected", typed.selected);
    else if (typed.matches("textarea")) field.textContent = typed.value;
    else if (["checkbox", "radio"].includes(typed.type)) field.toggleAttribute("checked", typed.checked);
    else if (typed.type !== "file") field.setAttribute("value", typed.type === "password" ? "" : typed.value);
  });
  return copy.innerHTML;
}

function fillIn({ place, html }) {
  const form = formsOfPage()[place];
  if (!form) return;
  const token = form.querySelector(TOKEN)?.value;
  form.innerHTML = html;
  if (token) form.querySelector(TOKEN).value = token;
  htmx.process(form);
  form.dispatchEvent(new Event("input", { bubbles: true }));
  const note = document.createElement("div");
  note.className = "alert alert-info";
  note.setAttribute("role", "status");
  note.textContent = say("back");
  form.before(note);
}

const kept = JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "null");
if (kept) {
  const cameFrom = document.referrer && new URL(document.referrer).pathname;
  const isBack = cameFrom === "/login/" || new URLSearchParams(location.search).has("unsent");
  if (isBack && kept.path === location.pathname) fillIn(kept);
  sessionStorage.removeItem(KEPT_AS);
}
