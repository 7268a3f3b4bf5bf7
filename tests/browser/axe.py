"""axe-core on a page: every rule of WCAG 2.2 A and AA, of best practice, and those that axe calls experimental."""

from collections.abc import Iterator
from functools import cache

from playwright.sync_api import Page

from config.settings import NODE_MODULES

WIDTHS = (1440, 390)

# What a mail looks like inside its frame is its writer's affair. The rules of level AAA are not ours. The HTML of each
# element is written here for those that are wrong: axe would write it for all.
RUN = """async ([within, without, only]) => {
  axe.configure({ noHtml: true });
  const write = ([selector]) => document.querySelector(selector)?.outerHTML.slice(0, 160);
  const rules = axe.getRules().filter(({ tags, ruleId }) =>
    only ? only.includes(ruleId) : !tags.includes("wcag2aaa") && !without.includes(ruleId));
  const { violations } = await axe.run(within ?? document, {
    rules: Object.fromEntries([
      ...rules.map((rule) => [rule.ruleId, { enabled: true }]),
      ...without.map((id) => [id, { enabled: false }]),
    ]),
    ...(only && { runOnly: only }),
    resultTypes: ["violations"],
    iframes: false,
    preload: false,
  });
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${write(target)} ${failureSummary}`));
}"""
# The rules that the theme can break: all others ask nothing about colours.
OF_COLOURS = ("color-contrast", "link-in-text-block")
# else colours are on their way from one theme to the other
FINISH_TRANSITIONS = (
    "() => document.getAnimations().forEach((one) => one instanceof CSSTransition && one.finish())"
)
TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth"


@cache
def read_axe() -> str:
    return (NODE_MODULES / "axe-core/axe.min.js").read_text()


def list_violations(page: Page, within: str | None = None) -> Iterator[str]:
    """Yield each violation of the page, or of the part `within`, at both widths; and whether it is too wide.

    In the dark theme the rules about colours are asked again. The page is left in the light one, at the first width.
    The script goes in past the page's policy, which forbids strange scripts.
    """
    for width in reversed(WIDTHS):
        page.set_viewport_size({"width": width, "height": 900})
        if not page.evaluate("() => !!window.axe"):
            page.evaluate(read_axe())
        for violation in page.evaluate(RUN, [within, []]):
            yield f"at {width} px: {violation}"
        if page.evaluate(TOO_WIDE):
            yield f"at {width} px: the page is wider than its window"
    page.emulate_media(color_scheme="dark")
    page.evaluate(FINISH_TRANSITIONS)
    for violation in page.evaluate(RUN, [within, [], OF_COLOURS]):
        yield f"in the dark: {violation}"
    page.emulate_media(color_scheme="light")
    page.evaluate(FINISH_TRANSITIONS)
