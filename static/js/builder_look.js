// The switch between the builder and the mail as our own renderer makes it of what is saved.
"use strict";

(() => {
  const button = document.getElementById("look-switch");
  const holder = document.getElementById("builder-look");
  const place = document.getElementById("builder-place");
  if (!button) return;

  function showMail() {
    const frame = document.createElement("iframe");
    frame.className = "mail-frame tall";
    frame.title = holder.getAttribute("aria-label");
    frame.setAttribute("sandbox", "");
    frame.src = holder.dataset.address;
    holder.replaceChildren(frame);
  }

  button.addEventListener("click", () => {
    const isShown = holder.hidden;
    holder.hidden = !isShown;
    place.hidden = isShown;
    button.setAttribute("aria-pressed", String(isShown));
    if (isShown) afterSaving(showMail);
  });
})();
