// The sections of the editor as steps: one is shown at a time, the address names it, and whatever leads to a field shows
// the step that holds it. Without this script all sections stand below each other, or one for each address.
"use strict";

const pageOfSteps = () => document.getElementById("editor-page");
const stepOf = (element) => element?.closest(".step")?.id.replace("step-", "");

function showStep(name) {
  const page = pageOfSteps();
  const step = document.getElementById(`step-${name}`);
  if (!page || !step) return;
  for (const each of page.querySelectorAll(".step")) each.hidden = each !== step;
  for (const link of page.querySelectorAll("[data-step]")) {
    if (link.dataset.step === name) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  }
  page.dataset.shown = name;
  document.dispatchEvent(new CustomEvent("step-shown", { detail: { name, step } }));
}

function goToStep(name) {
  if (pageOfSteps().dataset.shown !== name) {
    const address = new URL(location.href);
    address.searchParams.set("section", name);
    address.hash = "";
    history.pushState(null, "", address);
  }
  showStep(name);
  document.getElementById(`step-${name}`).focus({ preventScroll: true });
  pageOfSteps().scrollIntoView({ block: "start" });
  return true;
}

// Show a field, whichever step it is in.
function goToField(id) {
  const field = document.getElementById(id);
  const name = stepOf(field);
  if (!name) return false;
  if (pageOfSteps().dataset.shown !== name) goToStep(name);
  field.scrollIntoView({ block: "center" });
  const control = field.matches("input, select, textarea") ? field : field.querySelector("input, select, textarea");
  (control ?? field).focus({ preventScroll: true });
  return true;
}

document.addEventListener("click", (event) => {
  if (!pageOfSteps() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const step = event.target.closest("[data-step]")?.dataset.step ?? event.target.closest("button[name=go_to]")?.value;
  if (step) {
    event.preventDefault();
    goToStep(step);
    return;
  }
  const link = event.target.closest("a[href*='#']");
  if (!link || link.pathname !== location.pathname) return;
  const section = new URLSearchParams(link.search).get("section");
  if (!goToField(link.hash.slice(1)) && !(section && goToStep(section))) return;
  event.preventDefault();
  const dialog = link.closest("dialog");
  if (dialog) dialog.close();
});

// A browser cannot show what is wrong with a field that is put away.
document.addEventListener(
  "invalid",
  (event) => {
    const name = stepOf(event.target);
    if (name && event.target.form.querySelector(":invalid:not(fieldset)") === event.target) showStep(name);
  },
  true,
);

function showStepOfAddress() {
  const { wrong, shown } = pageOfSteps().dataset;
  const asked = new URLSearchParams(location.search).get("section");
  const named = document.getElementById(`step-${asked}`) ? asked : "";
  const hash = location.hash.slice(1);
  showStep(wrong || named || shown || "content");
  if (hash) goToField(hash);
}

document.addEventListener("DOMContentLoaded", () => pageOfSteps() && showStepOfAddress());
window.addEventListener("popstate", () => {
  if (!pageOfSteps()) return;
  delete pageOfSteps().dataset.wrong;
  delete pageOfSteps().dataset.shown;
  showStepOfAddress();
});
