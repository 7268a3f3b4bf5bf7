// What the insert menu, the pictures and the templates put into the fields of a mail, at the caret.
"use strict";

(() => {
  const SOURCES = "#id_body, textarea[data-source]"; // the content, and those of an A/B test
  const FIELDS = `#id_subject, #id_preheader, #id_text, ${SOURCES}`;
  const body = () => document.getElementById("id_body");
  let latest = null; // the field that somebody was in last

  document.addEventListener("focusin", ({ target }) => {
    if (target.matches(FIELDS)) latest = target.id;
    else if (target.closest(".cm-editor")) latest = target.closest(".cm-editor").nextElementSibling.id;
    else if (target.closest(".insert-bar")) chooseBeside(target.closest(".insert-bar"));
  });

  // The menu above the contents of an A/B test is for them, that of the mail is for its other fields.
  function chooseBeside(bar) {
    const contents = bar.closest("#variant-contents");
    const isWithin = document.getElementById(latest)?.closest("#variant-contents") ?? null;
    if (isWithin === contents) return;
    latest = contents ? [...contents.querySelectorAll(SOURCES)].at(-1).id : "id_body";
  }

  const source = () => {
    const field = document.getElementById(latest);
    return field?.matches(SOURCES) ? field : body();
  };

  // A change of an A/B test draws its section anew. While somebody is among its contents, its menu or a dialog, that waits.
  let hasChanged = false;
  document.addEventListener(
    "change",
    (event) => {
      if (!event.target.matches("textarea[data-source]")) return;
      event.stopPropagation();
      hasChanged = true;
    },
    true,
  );
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const contents = target.closest("#variant-contents");
    if (!contents || relatedTarget?.closest("#variant-contents, dialog")) return;
    setTimeout(() => {
      if (!hasChanged || !document.hasFocus() || contents.contains(document.activeElement)) return;
      hasChanged = false;
      contents.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });

  // A field that something else draws, such as the source editor, takes the text itself and says so.
  function insert(field, before, after = "") {
    const own = new CustomEvent("insert-text", { cancelable: true, detail: { before, after } });
    if (!field.dispatchEvent(own)) return;
    const { selectionStart: start, selectionEnd: end, value } = field;
    const within = value.slice(start, end);
    field.focus();
    // keeps what Ctrl-Z takes back, where the browser can; it says `input` itself
    if (!document.execCommand("insertText", false, before + within + after)) {
      field.setRangeText(before + within + after, start, end, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    const caret = start + before.length + within.length;
    if (after) field.setSelectionRange(caret - within.length, caret);
  }

  // Within a text of MJML a picture or a link is one of HTML.
  function chooseForm(button) {
    const format = document.getElementById("id_body_format").value;
    const { insertHtml, insertMarkdown, insertMjml } = button.dataset;
    if (format !== "mjml") return format === "html" ? insertHtml : insertMarkdown;
    const field = source();
    const caret = { before: field.value.slice(0, field.selectionStart) };
    field.dispatchEvent(new CustomEvent("ask-caret", { detail: caret }));
    const tags = caret.before.match(/<mj-text\b[^>]*>|<\/mj-text>/g) ?? [];
    const latest = tags.filter((tag) => !tag.endsWith("/>")).at(-1); // those of mj-attributes hold nothing
    return latest?.startsWith("<mj-text") ? insertHtml : insertMjml;
  }

  async function read(address) {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
    return answer.json();
  }

  function close(button) {
    const menu = button.closest("details");
    if (menu) menu.open = false;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-insert], [data-insert-html], [data-insert-from]");
    if (!button || !body()) return;
    const { insert: before, insertAfter, insertFrom } = button.dataset;
    const bar = button.closest(".insert-bar");
    if (bar) chooseBeside(bar);
    close(button);
    if (insertFrom) insert(source(), (await read(insertFrom)).body);
    else if (before !== undefined) insert(document.getElementById(latest) ?? body(), before, insertAfter);
    else {
      const pictures = document.getElementById("id_pictures"); // whoever inserts one wants to see it
      if (pictures && button.closest("#picture-chooser")) pictures.checked = true;
      insert(source(), chooseForm(button));
    }
  });

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("dialog [data-template]");
    if (!link || !document.getElementById("editor")) return;
    event.preventDefault();
    if (body().value.trim() && !confirm(link.dataset.sure)) return;
    const begun = await read(link.dataset.template);
    for (const [name, value] of Object.entries(begun)) {
      const field = document.getElementById(`id_${name}`);
      if (!field || (value === "" && name !== "body")) continue;
      field.value = value;
      for (const each of ["input", "change"]) field.dispatchEvent(new Event(each, { bubbles: true }));
    }
    document.getElementById("ask").close();
    body().focus();
  });
})();
