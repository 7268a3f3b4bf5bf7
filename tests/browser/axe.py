"""axe-core on a page: every rule of WCAG 2.2 A and AA, of best practice, and those that axe calls experimental.

Beside it, two of our own: texts that stand out from what is really behind them, and a name for each control.
"""

from collections.abc import Iterator
from functools import cache

from playwright.sync_api import Page

from config.settings import NODE_MODULES

# Each width and each theme has all rules asked once: of the four pairs, two hold both.
LOOKS = ((390, "dark"), (1440, "light"))
# What a mail looks like inside its frame is its writer's affair. The rules of level AAA are not ours. The HTML of each
# element is written here for those that are wrong: axe would write it for all.
# Of rows alike three stand for all while axe looks: a row is alike by its elements, by whether they hold text, and by
# their attributes, of which those that name or lead somewhere count by whether they say anything.
RUN = """async ([within, without]) => {
  const NAMES = new Set(`action alt aria-controls aria-describedby aria-label aria-labelledby content datetime for form
    formaction headers href hx-get hx-include hx-post hx-target id name popovertarget src title value`.split(/\\s+/));
  const numbers = new Map();
  const numberShape = (element) => {
    const attributes = [...element.attributes].map(({ name, value }) =>
      `${name}=${NAMES.has(name) ? value.trim() !== "" : value}`);
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    const parts = [...element.children].map(numberShape);
    const shape = JSON.stringify([element.localName, hasText, attributes.sort(), parts]);
    return numbers.get(shape) ?? numbers.set(shape, numbers.size).get(shape);
  };
  const away = [];
  for (const list of new Set([...document.querySelectorAll("tr, li")].map((row) => row.parentElement))) {
    const met = new Map();
    for (const row of [...list.children]) {
      const shape = numberShape(row);
      met.set(shape, (met.get(shape) ?? 0) + 1);
      if (met.get(shape) > 3 && !row.contains(document.activeElement)) away.push([row, new Comment()]);
    }
  }
  away.forEach(([row, place]) => row.replaceWith(place));

  axe.configure({ noHtml: true });
  const write = ([selector]) => document.querySelector(selector)?.outerHTML.slice(0, 160);
  const rules = axe.getRules().filter(({ tags, ruleId }) => !tags.includes("wcag2aaa") && !without.includes(ruleId));
  try {
    const { violations } = await axe.run(within ?? document, {
      rules: Object.fromEntries([
        ...rules.map((rule) => [rule.ruleId, { enabled: true }]),
        ...without.map((id) => [id, { enabled: false }]),
      ]),
      resultTypes: ["violations"],
      iframes: false,
      preload: false,
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target} ${write(target)} ${failureSummary}`));
  } finally {
    away.forEach(([row, place]) => place.replaceWith(row));
  }
}"""
# else colours are on their way from one theme to the other
FINISH_TRANSITIONS = (
    "document.getAnimations().forEach((one) => one instanceof CSSTransition && one.finish());"
)
# One question for all: of each the answer waits for a busy machine. Null: axe is not there yet.
LOOK = f"""async (within) => {{
  {FINISH_TRANSITIONS}
  if (!window.axe) return null;
  const violations = await ({RUN})([within, []]);
  return [violations, document.documentElement.scrollWidth > window.innerWidth];
}}"""


# Axe leaves texts out whose ground it cannot be sure of, such as one under a half-transparent layer.
# WCAG 2.2, 1.4.3: the contrast of text with its ground is at least 4.5, of large text 3; what is disabled excepted.
TOO_PALE = (
    f"() => {{ {FINISH_TRANSITIONS}"
    + """
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => known.get(colour) ?? known.set(colour, draw(colour)).get(colour);
  const draw = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (element) => {
    const own = element ? rgba(getComputedStyle(element).backgroundColor) : [255, 255, 255, 1];
    return own[3] === 1 ? own : over(own, ground(element.parentElement));
  };
  const pale = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const said = texts.currentNode.textContent.trim();
    if (!said || !element.checkVisibility({ visibilityProperty: true }) || element.closest("[disabled]")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const below = ground(element);
    const [light, dark] = [luminance(over(rgba(style.color), below)), luminance(below)].sort((a, b) => b - a);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < least) pale.add(`${said.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return [...pale];
}"""
)

NAMELESS = """() => [...document.querySelectorAll("main :is(input:not([type=hidden]), select, textarea, a, button)")]
  .filter((control) => !(control.labels?.length || control.ariaLabel || control.textContent.trim()))
  .map((control) => control.outerHTML.slice(0, 120))"""


@cache
def read_axe() -> str:
    return (NODE_MODULES / "axe-core/axe.min.js").read_text()


def list_violations(page: Page, within: str | None = None) -> Iterator[str]:
    """Yield each violation of the page, or of the part `within`, at both widths; and whether it is too wide.

    The page is left in the light theme, at the large width. The script goes in past the page's policy, which forbids
    strange scripts.
    """
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        found = page.evaluate(LOOK, within)
        if found is None:
            page.evaluate(read_axe())
            found = page.evaluate(LOOK, within)
        violations, is_too_wide = found
        for violation in violations:
            yield f"at {width} px, {theme}: {violation}"
        if is_too_wide:
            yield f"at {width} px: the page is wider than its window"


def list_unreadable(page: Page) -> Iterator[str]:
    """Yield each control of a page of ours that has no name, and each text that stands out too little, in both themes.

    It is for pages of our own: the administration names its controls in ways that this does not know.
    """
    for control in page.evaluate(NAMELESS):
        yield f"without a name: {control}"
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        for text in page.evaluate(TOO_PALE):
            yield f"in the {theme} theme, too pale: {text}"
