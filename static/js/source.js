// The switch to the source editor, which is fetched only when somebody wants it, and the way to the line of a fault.
"use strict";

(() => {
  const KEPT_AS = "source-editor";
  const button = document.getElementById("source-switch");
  if (!button) return;
  const field = () => document.getElementById("id_body");
  const sources = () => document.querySelectorAll("#id_body, textarea[data-source]"); // also those of an A/B test
  const drawn = new Map(); // each textarea, and the editor that stands for it
  let focused = ""; // the textarea whose editor somebody is in while it is put anew

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
    button.setAttribute("aria-pressed", "true");
    draw();
  }

  const isOpen = () => button.getAttribute("aria-pressed") === "true";

  function draw() {
    for (const [one, editor] of drawn) {
      if (one.isConnected) continue;
      editor.close();
      drawn.delete(one);
    }
    const format = document.getElementById("id_body_format");
    for (const one of sources()) {
      if (!drawn.has(one)) drawn.set(one, window.sourceEditor.open(one, format, button.dataset.nonce));
    }
  }

  function close() {
    for (const editor of drawn.values()) editor.close();
    drawn.clear();
    button.setAttribute("aria-pressed", "false");
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    const isWanted = !isOpen();
    localStorage.setItem(KEPT_AS, isWanted ? "on" : "off");
    isWanted ? open() : close();
  });
  if (localStorage.getItem(KEPT_AS) === "on") open();
  // the conversion of merge tags puts a fresh textarea in place of the old one, and so does each change of an A/B test
  document.addEventListener("htmx:beforeSwap", () => {
    focused = [...drawn].find(([, editor]) => editor.hasFocus())?.[0].id ?? "";
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!isOpen()) return;
    draw();
    const one = focused && document.getElementById(focused);
    focused = "";
    if (one) drawn.get(one)?.focus();
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
