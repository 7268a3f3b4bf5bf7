// The visual builder: GrapesJS with its MJML plugin on the source of a mail, which stays the field of the form. It is told
// of each change by `input`, as if somebody had typed into it, and is saved as in the editor. Bundled: `npm run bundle`.
import grapesjs from "grapesjs";
import de from "grapesjs/locale/de.mjs";
import fr from "grapesjs/locale/fr.mjs";
import mjmlPlugin from "grapesjs-mjml";
import mjmlDe from "grapesjs-mjml/locale/de.js";
import mjmlFr from "grapesjs-mjml/locale/fr.js";
import { CONTAINERS, KEPT, LEAVES, noteWhatIsKept, readComponents, SourceProblem, writeChildren } from "./mjml_source.js";

const EMPTY = `<mjml>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text></mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
`;
const PAUSE = 300; // milliseconds after a change, before the source is written anew

// The plugin writes its own defaults into each element that it draws, and takes what equals them out of the source again.
// Here an element has the attributes that its source has: the defaults are MJML's, or those of the head.
const keepItsAttributes = (placeholder) => ({
  init() {
    this.set("style", { ...this.get("attributes") }, { silent: true });
    this.listenTo(this, "change:style", this.handleStyleChange);
    this.listenTo(this, "change:attributes", this.handleAttributeChange);
  },
  listOwnAttributes() {
    const kept = this.get("kept")?.attributes ?? {};
    const source = this.get("src");
    const all = { ...this.get("attributes"), ...(isAddress(source) && { src: source }) };
    const isOwn = ([name, value]) =>
      name !== "style" && !name.startsWith("data-gjs") && (name in kept || (name !== "id" && value !== ""));
    return Object.fromEntries(Object.entries(all).filter(isOwn));
  },
  getAttrToHTML() {
    return this.listOwnAttributes();
  },
  // what the canvas shows: a picture whose address is a variable has none yet
  getMjmlAttributes() {
    const shown = Object.entries(this.listOwnAttributes()).map(([name, value]) => [
      name,
      /^(src|background-url)$/.test(name) && /\{[{%]/.test(value) ? placeholder : value,
    ]);
    return Object.fromEntries(shown);
  },
});

// of a picture that was not chosen yet it is a drawing
const isAddress = (source) => typeof source === "string" && source !== "" && !source.startsWith("<svg");

function addOwnTypes(editor, { opt }, { texts, placeholder }, head) {
  const model = keepItsAttributes(placeholder);
  for (const type of [...CONTAINERS, ...LEAVES]) {
    if (editor.Components.getType(type)) editor.Components.addType(type, { model });
  }
  editor.Components.addType(KEPT, {
    model: {
      defaults: {
        name: texts.kept,
        draggable: [...CONTAINERS].map((name) => `[data-gjs-type="${name}"]`).join(", "),
        droppable: false,
        editable: false,
        stylable: false,
        traits: [],
        source: "",
        label: "",
      },
      init() {
        if (this.get("isHead")) this.set({ draggable: false, removable: false, copyable: false, selectable: false, hoverable: false });
      },
      toHTML() {
        return this.get("source");
      },
    },
    view: {
      onRender({ el, model }) {
        el.textContent = model.get("label");
        el.className = "kept-source";
        if (model.get("isHead") || !model.get("label").trim()) el.style.display = "none";
      },
    },
  });
  // the defaults that the head sets count for what the canvas shows
  const compile = opt.mjmlParser;
  opt.mjmlParser = (input, options) =>
    compile(typeof input === "string" ? input.replace(/^\s*<mjml>/, `<mjml>${head()}`) : input, options);
}

function addTools(editor, data) {
  const { texts, variables, pictures, blocks } = data;
  const option = ({ label, before, after, html }) =>
    new Option(label, html || before + (after ? `…${after}` : ""));
  const chooser = document.createElement("select");
  chooser.setAttribute("aria-label", texts.insert);
  chooser.append(new Option(texts.insert, ""));
  for (const [heading, entries] of variables) {
    const group = document.createElement("optgroup");
    group.label = heading;
    group.append(...entries.map(option));
    chooser.append(group);
  }
  editor.RichTextEditor.add("variable", {
    icon: chooser.outerHTML,
    event: "change",
    attributes: { class: "builder-variables" },
    result(rte, action) {
      const select = action.btn.querySelector("select");
      if (select.value) rte.insertHTML(select.value.startsWith("<") ? select.value : escape(select.value));
      select.value = "";
    },
  });
  const alts = new Map(pictures.map(({ src, alt }) => [src, alt]));
  editor.on("component:update:src", (component) => {
    const alt = alts.get(component.get("src"));
    if (alt !== undefined) component.addAttributes({ alt });
  });
  for (const { key, name, body } of blocks) {
    try {
      const { components } = readComponents(body);
      editor.Blocks.add(`own-${key}`, { label: name, category: texts.blocks, content: components, select: true });
    } catch (problem) {
      if (!(problem instanceof SourceProblem)) throw problem; // a block that cannot be drawn is offered in the source editor
    }
  }
}

// A block that is clicked comes into what is selected, or into the nearest place that takes it.
function addWhereItFits(block, editor) {
  const selected = editor.getSelected();
  const wrapper = editor.getWrapper();
  const columns = wrapper.findType("mj-column");
  const candidates = [selected, ...(selected?.parents() ?? []), columns.at(-1), wrapper.findType("mj-body")[0]];
  const place = candidates.find((each) => each && editor.Components.canMove(each, block.getContent()).result);
  if (!place) return;
  const [added] = place.append(block.getContent());
  editor.select(added);
  added.view?.el.scrollIntoView({ block: "nearest" });
}

// GrapesJS makes blocks to be dragged: here they are buttons, too.
function nameBlocks() {
  for (const each of document.querySelectorAll("#builder-blocks .gjs-block")) {
    each.tabIndex = 0;
    each.setAttribute("role", "button");
    each.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      each.click();
    });
  }
}

function listenToButtons(editor) {
  const press = (button, attribute) => {
    for (const each of document.querySelectorAll(`[${attribute}]`)) each.setAttribute("aria-pressed", String(each === button));
  };
  const show = (button) => {
    press(button, "data-tool");
    for (const each of document.querySelectorAll("[data-tool]"))
      document.getElementById(`builder-${each.dataset.tool}`).hidden = each !== button;
  };
  document.getElementById("builder-place").addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.dataset.device) {
      editor.setDevice(button.dataset.device);
      press(button, "data-device");
    } else if (button?.dataset.command) editor.runCommand(button.dataset.command);
    else if (button?.dataset.tool) show(button);
  });
  editor.on("component:selected", () => show(document.querySelector("[data-tool=looks]")));
}

const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function open(place) {
  const data = JSON.parse(document.getElementById("builder-data").textContent);
  const field = document.getElementById("id_body");
  const original = field.value || EMPTY;
  let read;
  try {
    read = readComponents(original);
  } catch (problem) {
    if (!(problem instanceof SourceProblem)) throw problem;
    const said = document.getElementById("builder-trouble");
    said.querySelector("[data-what]").textContent = problem.what;
    said.querySelector("[data-line]").textContent = problem.line;
    said.hidden = false;
    place.parentElement.hidden = true;
    return;
  }
  const head = () => /<mj-head[\s>][^]*?<\/mj-head>/.exec(original)?.[0].replace(/\{%[^]*?%\}/g, "") ?? "";
  const editor = grapesjs.init({
    container: place,
    height: "100%",
    storageManager: false,
    telemetry: false,
    cssIcons: "",
    noticeOnUnload: false,
    panels: { defaults: [] }, // the page has buttons of its own, with names
    blockManager: { appendTo: "#builder-blocks", appendOnClick: addWhereItFits },
    traitManager: { appendTo: "#builder-traits" },
    styleManager: { appendTo: "#builder-styles" },
    layerManager: { appendTo: "#builder-layers" },
    assetManager: { assets: data.pictures.map(({ src, name }) => ({ type: "image", src, name })), upload: false, dropzone: false },
    canvas: { styles: data.canvasStyles },
    i18n: { locale: data.language, localeFallback: "en", detectLocale: false, messages: { de, fr } },
    plugins: [
      (made) =>
        mjmlPlugin(made, {
          i18n: { de: mjmlDe, fr: mjmlFr },
          imagePlaceholderSrc: data.placeholder,
          useCustomTheme: false,
          columnsPadding: "",
          customComponents: [(within, core) => addOwnTypes(within, core, data, head)],
        }),
    ],
  });
  addTools(editor, data);
  listenToButtons(editor);
  editor.onReady(() => {
    const write = () => writeChildren(editor.getWrapper().components());
    const draw = ({ components }) => {
      editor.setComponents(components);
      noteWhatIsKept(editor.getWrapper());
    };
    draw(read);
    editor.UndoManager.clear();
    nameBlocks();
    const before = write();
    let timer = 0;
    editor.on("update", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const now = write();
        const value = now === before ? original : now + read.space;
        if (value === (field.value || EMPTY)) return;
        field.value = value;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }, PAUSE);
    });
    place.dataset.ready = "";
    // for the console and for tests: a source as it is written after it was drawn
    window.builder = {
      editor,
      writeAgain(source) {
        const again = readComponents(source);
        draw(again);
        return write() + again.space;
      },
    };
  });
}

const place = document.getElementById("builder");
if (place) open(place);
