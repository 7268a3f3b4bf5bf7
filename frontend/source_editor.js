// The source editor: CodeMirror in place of the textarea of a mail's content. The textarea stays the field of the form; it
// is told of each change by `input`, as if somebody had typed into it. Bundled by esbuild: `npm run bundle`.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { html } from "@codemirror/lang-html";
import { liquid } from "@codemirror/lang-liquid";
import { markdown } from "@codemirror/lang-markdown";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

// the colours stand in static/css/colours.css
const colours = HighlightStyle.define([
  { tag: [tags.tagName, tags.angleBracket], color: "var(--blue)" },
  { tag: [tags.attributeName, tags.url, tags.link], color: "var(--teal)" },
  { tag: [tags.string, tags.attributeValue], color: "var(--good)" },
  { tag: [tags.keyword, tags.controlKeyword, tags.operator, tags.brace], color: "var(--violet)" },
  { tag: [tags.variableName, tags.propertyName, tags.function(tags.variableName)], color: "var(--pink)" },
  { tag: [tags.number, tags.bool], color: "var(--warn)" },
  { tag: [tags.comment, tags.meta, tags.processingInstruction], color: "var(--plain)" },
  { tag: tags.heading, fontWeight: "600" },
  { tag: tags.strong, fontWeight: "600" },
  { tag: tags.emphasis, fontStyle: "italic" },
]);
const theme = EditorView.theme({
  "&": { color: "inherit", background: "var(--tblr-bg-forms)", border: "1px solid var(--edge)", borderRadius: "6px" },
  "&.cm-focused": { outline: "2px solid var(--tblr-primary)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--tblr-font-monospace)", fontSize: "0.8125rem", height: "var(--source-height)", resize: "vertical" },
  ".cm-content": { caretColor: "currentcolor" },
  ".cm-cursor": { borderLeftColor: "currentcolor" },
  ".cm-gutters": { color: "var(--plain)", background: "var(--tblr-bg-surface-tertiary)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { background: "var(--hover-background)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "var(--blue-background)",
  },
});

const chooseLanguage = (format) => liquid({ base: format === "markdown" ? markdown() : html({ autoCloseTags: false }) });

const LINE = 1.4; // rem, of one row of a textarea

/** Put the editor in place of a textarea; `nonce` lets the page take its styles. `close` puts the textarea back. */
function open(textarea, format, nonce) {
  const language = new Compartment();
  let isOurs = false;
  let isChanged = false; // since somebody came in
  const view = new EditorView({
    doc: textarea.value,
    extensions: [
      EditorView.cspNonce.of(nonce),
      lineNumbers(),
      history(),
      drawSelection(),
      indentOnInput(),
      bracketMatching(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      EditorView.lineWrapping,
      EditorState.tabSize.of(2),
      // Tab leaves the field, as it does every other
      keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
      syntaxHighlighting(colours),
      theme,
      language.of(chooseLanguage(format.value)),
      EditorView.contentAttributes.of({ "aria-label": textarea.labels[0]?.textContent ?? textarea.ariaLabel ?? "", spellcheck: "true" }),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged || isOurs) return;
        isOurs = true;
        isChanged = true;
        textarea.value = view.state.doc.toString();
        textarea.dispatchEvent(new Event("input", { bubbles: true }));
        isOurs = false;
      }),
      EditorView.domEventHandlers({
        blur() {
          if (isChanged) textarea.dispatchEvent(new Event("change", { bubbles: true })); // as a textarea says it
          isChanged = false;
        },
      }),
    ],
  });

  const listeners = {
    input() {
      if (isOurs || textarea.value === view.state.doc.toString()) return;
      isOurs = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: textarea.value } });
      isOurs = false;
    },
    "insert-text"(event) {
      event.preventDefault();
      const { before, after } = event.detail;
      const { from, to } = view.state.selection.main;
      const within = view.state.sliceDoc(from, to);
      const anchor = from + before.length;
      view.dispatch({
        changes: { from, to, insert: before + within + after },
        selection: after ? { anchor, head: anchor + within.length } : { anchor: anchor + within.length },
        scrollIntoView: true,
      });
      view.focus();
    },
    "go-to-line"(event) {
      event.preventDefault();
      const line = view.state.doc.line(Math.min(event.detail, view.state.doc.lines));
      view.dispatch({ selection: { anchor: line.from, head: line.to }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
      view.focus();
    },
    "ask-caret"(event) {
      event.detail.before = view.state.sliceDoc(0, view.state.selection.main.from);
    },
  };
  const focus = () => view.focus();
  const [label] = textarea.labels;
  label?.addEventListener("click", focus);
  for (const [name, listen] of Object.entries(listeners)) textarea.addEventListener(name, listen);
  const follow = () => view.dispatch({ effects: language.reconfigure(chooseLanguage(format.value)) });
  format.addEventListener("change", follow);
  view.dom.style.setProperty("--source-height", `${textarea.rows * LINE}rem`);
  textarea.before(view.dom);
  textarea.hidden = true;

  const close = () => {
    for (const [name, listen] of Object.entries(listeners)) textarea.removeEventListener(name, listen);
    format.removeEventListener("change", follow);
    label?.removeEventListener("click", focus);
    view.destroy();
    textarea.hidden = false;
  };
  return { close, focus, hasFocus: () => view.hasFocus };
}

window.sourceEditor = { open };
