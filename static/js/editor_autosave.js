// The draft is saved about a second after the last change. The page says how that stands; a field that is wrong is named
// and keeps its text here. A scheduled campaign has no element to save by, so it is saved by its button only.
"use strict";

const PAUSE = 1000; // milliseconds after the last change
const RETRY = 10_000; // after the server could not be reached
const saver = () => document.querySelector("#save-state[hx-post]");
let changes = 0; // that somebody made on this page
let sentChanges = 0; // of them, those that the last request had with it
let timer = 0;
let isSaving = false;
let waiting = []; // what is to be done once everything is saved

function setState(name) {
  if (saver()) saver().dataset.state = name;
}

function saveNow() {
  clearTimeout(timer);
  if (!saver() || isSaving || changes === sentChanges) return;
  htmx.trigger(saver(), "autosave");
  if (!isSaving) saveSoon(); // htmx did not listen yet: the page is still loading
}

function saveSoon(pause = PAUSE) {
  clearTimeout(timer);
  timer = setTimeout(saveNow, pause);
}

function noteChange() {
  if (!saver()) return;
  changes += 1;
  if (!isSaving) setState("changed");
  saveSoon();
}

for (const name of ["input", "change"]) {
  document.addEventListener(name, (event) => {
    const form = event.target.form ?? event.target;
    if (form.id === "editor" && !event.target.closest("#live")) noteChange();
  });
}
// what the server writes into the form: converted merge tags, the promotion that was made for the mail
document.addEventListener("converted", noteChange);
document.addEventListener("htmx:oobAfterSwap", ({ detail: { target } }) => {
  if (target.id === "id_has_offer") noteChange();
});

document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  if (elt !== saver()) return;
  isSaving = true;
  sentChanges = changes;
  setState("saving");
});
document.addEventListener("htmx:afterRequest", ({ detail: { elt, successful, xhr } }) => {
  if (elt !== saver()) return;
  isSaving = false;
  const isAnswered = successful || xhr.status === 409 || xhr.status === 422;
  setState(isAnswered ? "answered" : "away");
  if (!isAnswered) {
    sentChanges = -1; // all of it is still to be saved
    saveSoon(RETRY);
  } else if (changes > sentChanges) saveSoon();
  else finish();
});

document.addEventListener("editor-saved", ({ detail: { address, isWhole } }) => {
  if (location.pathname !== address) history.replaceState(null, "", address + location.search);
  if (isWhole && changes === sentChanges) document.getElementById("editor").dispatchEvent(new Event("form-saved"));
});

function finish() {
  for (const act of waiting.splice(0)) act();
}

// Do something when all that was typed has been sent to the server.
function afterSaving(act) {
  if (!saver() || (!isSaving && changes === sentChanges)) return act();
  waiting.push(act);
  saveNow();
}

// Two requests at once would make two campaigns of a new one: the form waits for what is on its way.
document.addEventListener(
  "submit",
  (event) => {
    if (event.target.id !== "editor" || event.submitter?.formTarget) return;
    clearTimeout(timer);
    if (!isSaving) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { submitter } = event;
    sentChanges = changes; // the form takes them along
    waiting.push(() => event.target.requestSubmit(submitter));
  },
  true,
);

// What is asked for in Review is about the campaign as it is stored.
document.addEventListener("htmx:confirm", (event) => {
  if (!event.target.closest("#step-review") || !saver() || (!isSaving && changes === sentChanges)) return;
  if (event.detail.triggeringEvent?.type !== "submit" && event.detail.triggeringEvent?.type !== "click") return;
  event.preventDefault();
  afterSaving(() => event.detail.issueRequest(true));
});
document.addEventListener("step-shown", saveNow);
document.addEventListener("visibilitychange", () => document.hidden && saveNow());
