// What somebody types or chooses while the server draws that part anew stands in the new part too. A field is known by its
// id, and by what it held when the request was sent: where the new part holds something else, it is another field.
"use strict";

const FIELDS = "input[id]:not([type=file], [type=hidden]), select[id]:not([multiple]), textarea[id]";
const isTicked = (field) => field.type === "checkbox" || field.type === "radio";
const readState = (field) => (isTicked(field) ? field.checked : field.value);
const statesWhenSent = new WeakMap(); // request → what each field held when it was sent
const typedSince = new WeakMap(); // request → the fields that have changed since

document.addEventListener("htmx:beforeRequest", ({ detail: { xhr } }) => {
  statesWhenSent.set(xhr, new Map([...document.querySelectorAll(FIELDS)].map((field) => [field.id, readState(field)])));
});
document.addEventListener("htmx:beforeSwap", ({ detail: { xhr } }) => {
  const before = statesWhenSent.get(xhr);
  const isChanged = (field) => before?.has(field.id) && before.get(field.id) !== readState(field);
  typedSince.set(xhr, [...document.querySelectorAll(FIELDS)].filter(isChanged));
});
document.addEventListener("htmx:afterRequest", ({ detail: { xhr } }) => {
  for (const field of typedSince.get(xhr) ?? []) {
    const drawn = document.getElementById(field.id);
    if (field.isConnected || drawn?.type !== field.type || readState(drawn) !== statesWhenSent.get(xhr).get(field.id)) continue;
    if (field.options && ![...drawn.options].some(({ value }) => value === field.value)) continue;
    if (isTicked(field)) drawn.checked = field.checked;
    else drawn.value = field.value;
    if (drawn === document.activeElement && field.selectionStart !== null) {
      drawn.setSelectionRange?.(field.selectionStart, field.selectionEnd);
    }
    for (const name of ["input", "change"]) drawn.dispatchEvent(new Event(name, { bubbles: true }));
  }
});
