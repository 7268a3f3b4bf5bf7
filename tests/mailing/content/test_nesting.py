"""The depth and the number of elements that are reckoned for a page are never less than what parsers make of it."""

import itertools
import random
import re

import css_inline
import pytest
from selectolax.lexbor import LexborHTMLParser

from mailing.content.nesting import read_nesting
from mailing.content.open_elements import VOID
from mailing.content.page_tree import walk_tree

NAMES = """a b i font nobr p div span table tr td th tbody caption col colgroup ul li dl dd dt h1 h2 select option
    optgroup button object marquee svg math mi desc foreignObject form noscript textarea br hr img input center ruby rt
    rp main details table tr td b font p u""".split()
TIMES = 40
START = "<!DOCTYPE html><html><head><style>q{color:red}</style></head><body>"
inliner = css_inline.CSSInliner(load_remote_stylesheets=False)


def measure_with_lexbor(page):
    depth = deepest = made = 0
    root = LexborHTMLParser(page).root
    for node, begins in walk_tree(root.parent):
        if node.is_element_node:
            depth += 1 if begins else -1
            deepest, made = max(deepest, depth), made + begins
    return deepest, made


def measure_with_inliner(page):
    """What the reader of the CSS inliner makes of a page, from the page that it writes."""
    depth = deepest = made = 0
    written = re.sub(
        r"(<(style|textarea|noscript)\b[^>]*>).*?(</\2>)", r"\1\3", inliner.inline(page), flags=re.DOTALL
    )
    for end, name in re.findall(r"<(/?)([a-zA-Z][^\s/>]*)[^>]*>", written):
        made += not end
        depth += -1 if end else name.lower() not in VOID
        deepest = max(deepest, depth + (not end and name.lower() in VOID))
    return deepest, made


def make_page(dice, names):
    unit = []
    for _ in range(dice.randint(2, 9)):
        name = dice.choice(names)
        [piece] = dice.choices(["x", f"</{name}>", f"<{name} id=N>"], [3, 7, 10])
        unit.append(piece)
    numbers = itertools.count()
    return START + re.sub("N", lambda _: str(next(numbers)), "".join(unit * TIMES))  # no two tags are alike


@pytest.mark.parametrize("measure", [measure_with_lexbor, measure_with_inliner])
def test_no_parser_nests_a_page_deeper_than_reckoned(measure):
    dice = random.Random(9)
    is_inliner = measure is measure_with_inliner
    for _ in range(250):
        names = dice.sample(NAMES, dice.randint(2, 7))
        if is_inliner and {"svg", "math"} & {*names}:
            continue  # what it writes of those does not tell what it read
        page = make_page(dice, names)
        reckoned, (depth, made) = read_nesting(page, lambda _: None, has_scripts=is_inliner), measure(page)
        assert depth <= reckoned.deepest + 4, page[:300]  # html, head and body are not reckoned
        assert made <= 1.3 * reckoned.made + 6, page[:300]


def test_it_is_not_reckoned_much_deeper_than_it_is():
    for body, depth in (
        ("<table><tr><td><font>x</td></tr></table>" * 300, 5),
        ("<p><b id=N>x</b></p><ul><li>a<li>b</ul>" * 300, 2),
        ("<div><p><table><tr><td><p>x</table></div>" * 300, 6),
        ("<p><font color=red>x</font>" * 300, 2),
    ):
        assert read_nesting(START + body, lambda _: None).deepest == depth
