// The switch to the source editor, which is fetched only when somebody wants it, and the way to the line of a fault.
"use strict";

(() => {
  const KEPT_AS = "source-editor";
  const button = document.getElementById("source-switch");
  if (!button) return;
  const field = () => document.getElementById("id_body");
  let drawn = null; // the textarea that it stands for, and what takes it away again

  function fetchEditor() {
    if (window.sourceEditor) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = button.dataset.src;
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      document.head.append(script);
    });
  }

  async function open() {
    await fetchEditor();
    close();
    const format = document.getElementById("id_body_format");
    drawn = { field: field(), leave: window.sourceEditor.open(field(), format, button.dataset.nonce) };
    button.setAttribute("aria-pressed", "true");
  }

  function close() {
    drawn?.leave();
    drawn = null;
    button.setAttribute("aria-pressed", "false");
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    const isWanted = drawn === null;
    localStorage.setItem(KEPT_AS, isWanted ? "on" : "off");
    isWanted ? open() : close();
  });
  if (localStorage.getItem(KEPT_AS) === "on") open();
  // the conversion of merge tags puts a fresh textarea in place of the old one
  document.addEventListener("htmx:afterSettle", () => {
    if (drawn && drawn.field !== field()) open();
  });

  // ── to the line of a fault ──

  function goToLine(number) {
    const own = new CustomEvent("go-to-line", { cancelable: true, detail: number });
    if (!field().dispatchEvent(own)) return;
    const lines = field().value.split("\n");
    const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
    field().focus();
    field().setSelectionRange(start, start + (lines[number - 1] ?? "").length);
    field().scrollTop = (field().scrollHeight / lines.length) * Math.max(0, number - 4);
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-trouble] a[href='#id_body']");
    const number = link && /(?:line|Zeile|ligne) (\d+)/.exec(link.closest("[data-trouble]").textContent)?.[1];
    if (!number) return;
    event.preventDefault();
    goToLine(Number(number));
  });
})();
