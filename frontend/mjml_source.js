// The source of a mail in MJML as a tree for the builder, and the way back. What the builder does not draw itself (the
// head, comments, Liquid between elements, tables, raw HTML, unknown elements) is kept as it was written, byte for byte;
// so is all that nobody changes. Only what somebody changed is written anew.
const CONTAINERS = new Set(
  "mjml mj-body mj-wrapper mj-section mj-group mj-column mj-hero mj-social mj-navbar".split(" "),
);
const LEAVES = new Set(
  "mj-text mj-button mj-image mj-divider mj-spacer mj-social-element mj-navbar-link".split(" "),
);
const VOID = new Set("area base br col embed hr img input link meta source track wbr".split(" "));
const KEPT = "kept-source";
const LONGEST_LABEL = 70;
const STEP = "  ";

/** What the builder cannot read, with the line where it stands. */
class SourceProblem extends Error {
  constructor(source, at, what) {
    super(what);
    this.line = source.slice(0, at).split("\n").length;
    this.what = what;
  }
}

const decoder = document.createElement("textarea");
function decode(value) {
  decoder.innerHTML = value;
  return decoder.value;
}

function readAttributes(tag) {
  const found = {};
  const inside = tag.replace(/^<[^\s/>]+/, "").replace(/\/?>$/, "");
  for (const [, name, double, single, bare] of inside.matchAll(
    /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g,
  ))
    found[name] = decode(double ?? single ?? bare ?? "");
  return found;
}

class Reader {
  constructor(source) {
    this.source = source;
    this.at = 0;
  }

  fail(what, at = this.at) {
    throw new SourceProblem(this.source, at, what);
  }

  // Return the source up to the end of what begins here.
  takeUntil(mark, from = this.at) {
    const end = this.source.indexOf(mark, from);
    if (end < 0) this.fail(this.source.slice(this.at, this.at + 20));
    const taken = this.source.slice(this.at, end + mark.length);
    this.at = end + mark.length;
    return taken;
  }

  takeSpace() {
    const [space] = /^\s*/.exec(this.source.slice(this.at));
    this.at += space.length;
    return space;
  }

  takeLiquid() {
    const start = this.at;
    const word = /^\{%-?\s*(comment|raw)\b/.exec(this.source.slice(start))?.[1];
    if (!word) return this.takeUntil(this.source[start + 1] === "%" ? "%}" : "}}");
    const end = new RegExp(`\\{%-?\\s*end${word}\\s*-?%\\}`).exec(this.source.slice(start));
    if (!end) this.fail(`{% ${word} %}`);
    this.at = start + end.index + end[0].length;
    return this.source.slice(start, this.at);
  }

  // Return the open tag that begins here, past quoted values and Liquid.
  takeTag() {
    const start = this.at;
    const [tag] =
      /^<[a-zA-Z][^\s/>]*(?:"[^"]*"|'[^']*'|\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|[^"'>])*>/.exec(this.source.slice(start)) ?? [];
    if (!tag) this.fail(this.source.slice(start, start + 20));
    this.at += tag.length;
    return tag;
  }

  // Read on to the end of an element whose open tag was read, past elements of the same name within it.
  skipElement(name, start) {
    const tags = new RegExp(`<!--[\\s\\S]*?-->|<(/?)${name}(?=[\\s/>])(?:"[^"]*"|'[^']*'|[^"'>])*>`, "gi");
    tags.lastIndex = this.at;
    for (let depth = 1, found; (found = tags.exec(this.source)); ) {
      if (found[1] === undefined || (!found[1] && found[0].endsWith("/>"))) continue;
      depth += found[1] ? -1 : 1;
      if (depth === 0) {
        this.at = tags.lastIndex;
        return;
      }
    }
    this.fail(`<${name}>`, start);
  }

  readElement() {
    const start = this.at;
    const open = this.takeTag();
    const name = /^<([^\s/>]+)/.exec(open)[1].toLowerCase();
    const isClosed = open.endsWith("/>");
    if (!CONTAINERS.has(name) && !LEAVES.has(name)) {
      if (!isClosed && !VOID.has(name)) this.skipElement(name, start);
      return { kind: "kept", name, source: this.source.slice(start, this.at) };
    }
    if (/\{%/.test(open.replace(/"[^"]*"|'[^']*'/g, ""))) this.fail(open, start);
    const node = { name, open, attributes: readAttributes(open) };
    if (isClosed) return { ...node, kind: CONTAINERS.has(name) ? "container" : "leaf", children: [], inner: "", end: "" };
    if (CONTAINERS.has(name)) {
      const { children, space: lastSpace } = this.readChildren(name, start);
      return { ...node, kind: "container", children, lastSpace };
    }
    const from = this.at;
    this.skipElement(name, start);
    const [end] = /<\/[^<]*$/.exec(this.source.slice(from, this.at));
    return { ...node, kind: "leaf", inner: this.source.slice(from, this.at - end.length), end };
  }

  // Return the children up to the end of the element `parent`, or of the source, and the space before that end.
  readChildren(parent = "", start = 0) {
    const children = [];
    for (;;) {
      const space = this.takeSpace();
      const rest = this.source.slice(this.at);
      if (!rest) {
        if (parent) this.fail(`<${parent}>`, start);
        return { children, space };
      }
      if (rest.startsWith("</")) {
        const name = /^<\/([^\s>]*)/.exec(rest)[1].toLowerCase();
        if (name !== parent) this.fail(`</${name}>`);
        this.takeUntil(">");
        return { children, space };
      }
      children.push({ ...this.readChild(rest), space });
    }
  }

  readChild(rest) {
    if (rest.startsWith("<!--")) return { kind: "kept", name: "", source: this.takeUntil("-->") };
    if (rest.startsWith("<!") || rest.startsWith("<?")) return { kind: "kept", name: "", source: this.takeUntil(">") };
    if (/^\{[{%]/.test(rest)) return { kind: "kept", name: "", source: this.takeLiquid() };
    if (/^<[a-zA-Z]/.test(rest)) return this.readElement();
    const [text] = /^[^]+?(?=\s*(?:<|\{\{|\{%|$))/.exec(rest);
    this.at += text.length;
    return { kind: "kept", name: "", source: text };
  }
}

/** Return the components of a source for GrapesJS. Throws a SourceProblem. */
export function readComponents(source) {
  const reader = new Reader(source);
  const { children, space } = reader.readChildren();
  return { components: children.map(describe), space };
}

function describe(node) {
  if (node.kind === "kept")
    return {
      type: KEPT,
      source: node.source,
      space: node.space,
      label: node.source.replace(/\s+/g, " ").slice(0, LONGEST_LABEL),
      isHead: node.name === "mj-head",
    };
  const { name, open, attributes, space } = node;
  const kept = { open, attributes: { ...attributes }, inner: node.inner, end: node.end, lastSpace: node.lastSpace };
  const within = node.kind === "container" ? node.children.map(describe) : node.inner;
  return { type: name, tagName: name, attributes, space, kept, components: within };
}

// ── the way back ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Note of each text and button how GrapesJS writes what nobody has changed yet. */
export function noteWhatIsKept(component) {
  const kept = component.get("kept");
  if (kept && LEAVES.has(component.get("type"))) component.set("kept", { ...kept, html: component.getInnerHTML() }, { silent: true });
  else component.components().forEach(noteWhatIsKept);
}

/** Return the source of a component: as it was, where nobody has changed it. */
export function writeComponent(component, indent = "") {
  if (component.get("type") === KEPT) return component.get("source");
  const name = component.get("tagName");
  const kept = component.get("kept");
  const attributes = component.listOwnAttributes();
  const isSame = kept && JSON.stringify(sort(attributes)) === JSON.stringify(sort(kept.attributes));
  const open = isSame ? kept.open : `<${name}${Object.entries(attributes).map(writeAttribute).join("")}>`;
  if (LEAVES.has(name)) {
    const html = component.getInnerHTML();
    const inner = kept && kept.html === html ? kept.inner : keepLiquid(html);
    if (open.endsWith("/>")) return inner ? `${open.slice(0, -2).trimEnd()}>${inner}</${name}>` : open;
    return `${open}${inner}${(kept && kept.end) || `</${name}>`}`;
  }
  const children = component.components();
  if (open.endsWith("/>") && !children.length) return open;
  const begin = open.endsWith("/>") ? `${open.slice(0, -2).trimEnd()}>` : open;
  return `${begin}${writeChildren(children, indent + STEP)}${kept?.lastSpace ?? `\n${indent}`}</${name}>`;
}

/** Return the source of components, each with the space that was before it. */
export function writeChildren(components, indent = "") {
  return components.map((each) => `${each.get("space") ?? `\n${indent}`}${writeComponent(each, indent)}`).join("");
}

const sort = (attributes) => Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1));

function writeAttribute([name, value]) {
  const text = String(value);
  if (text.includes('"') && !text.includes("'")) return ` ${name}='${text.replace(/&(?=#?\w+;)/g, "&amp;")}'`;
  return ` ${name}="${text.replace(/&(?=#?\w+;)/g, "&amp;").replace(/"/g, "&quot;")}"`;
}

// A browser writes the signs of a condition in a text as entities, and Liquid would not know them.
const keepLiquid = (html) => html.replace(/\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g, decode);

export { CONTAINERS, KEPT, LEAVES, SourceProblem };
