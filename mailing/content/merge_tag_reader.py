"""Reads the merge tags of other programs one after the other, and translates each."""

import re

from .merge_tag_names import is_about_people, is_merge_name, is_simple, name_here, write_output

_fallback = re.compile(r"(.+?)[\s,|]+(?:fallback|default)\s*[=:]\s*(.*)", re.IGNORECASE | re.DOTALL).fullmatch
_or = re.compile(r"(.+?)\s+OR\s+(.+)").fullmatch
_blank_value = re.compile(r"(?:NULLVALUE|BLANKVALUE)\(\s*([\w.]+)\s*,\s*(.+?)\s*\)", re.IGNORECASE).fullmatch
_echo = re.compile(r"(?:echo\s+)?\$(\w+)\s*;?").fullmatch

_PHRASES = {
    "current_year": '{{ "now" | date: "%Y" }}',
    "else:": "{% else %}",
    "else": "{% else %}",
}
_CASES = {"upper": "upcase", "lower": "downcase", "title": "capitalize"}
_VARIABLE = r"[A-Za-z_][\w.]{0,60}"
_COUNTERS = {"@index": "forloop.index0", "@first": "forloop.first", "@last": "forloop.last"}


class TagReader:
    """Reads merge tags in their order, since the end of a block depends on its beginning."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, str]] = []  # the Liquid tag of each, and for a loop its item's name
        self.items: list[str] = []  # the names of the items of the loops that are open

    def _open(self, tag: str, item: str = "") -> None:
        """Note that a block begins."""
        self.blocks.append((tag, item))
        if tag == "for":
            self.items.append(item)

    def read_tag(self, match: re.Match[str]) -> str | None:
        """Return the Liquid for a tag, the tag itself when it is right already, None when there is no such Liquid."""
        kind = match.lastgroup or ""
        said = (match[kind] or "").strip()
        if kind in ("mailchimp", "block"):
            return self._read_mailchimp(said) if kind == "mailchimp" else self._read_block(said)
        if kind in ("comment", "tracked"):
            return ""
        if kind == "listmonk":
            return _read_listmonk(said)
        if kind == "mautic":
            name, _, default = said.partition("=")[2].partition("|")
            return write_output(name, default) if said.startswith(("contactfield=", "leadfield=")) else None
        if kind == "raw":
            return f"{{{{ {self._name(said)} }}}}"
        if kind == "value":
            return self._read_value(match[0], said)
        if kind in ("mirrored", "square", "ats_of_capitals", "dollars", "angles"):
            return _read_bracketed(match[0], said)
        if kind == "salesforce":
            return _read_salesforce(said)
        if kind in ("erb", "toolkit", "php"):
            return _read_code(match[0], said)
        if kind == "dollar":
            return _read_dollar(said)
        if kind == "braze":
            name, _, filters = said.partition("}")
            return f"{{{{ {name_here(name[2:])}{' ' + filters.strip() if filters.strip() else ''} }}}}"
        if kind == "marketo":
            name, _, default = said.partition(":default=")
            return write_output(name, default.strip()) if is_about_people(name) else None
        if found := _or(said):
            return write_output(found[1], found[2].strip("\"'“”"))
        return write_output(said)

    def _read_mailchimp(self, said: str) -> str | None:
        lower = said.lower()
        word, _, rest = said.partition(":")
        if lower in _PHRASES:
            return _PHRASES[lower]
        if word.lower() in ("if", "ifnot", "elseif") and rest:
            condition = _condition(rest)
            if word.lower() == "elseif":
                return f"{{% elsif {condition} %}}"
            tag = "if" if word.lower() == "if" else "unless"
            self._open(tag, "")
            return f"{{% {tag} {condition} %}}"
        if lower == "end:if":
            return f"{{% end{self._end('if')} %}}"
        if word.lower() == "date":
            return '{{ "now" | date: "long" }}'
        if word.lower() in _CASES and rest:
            return f"{{{{ {name_here(rest)} | {_CASES[word.lower()]} }}}}"
        if ":" in said or "_" in said or not re.fullmatch(r"\w+", said):
            return None
        unlike = ("archive", "forward", "subject", "rewards", "translate", "promo_code", "abuse_email")
        return None if lower in unlike else write_output(said)

    def _read_block(self, said: str) -> str | None:
        sign = said[0]
        if said.startswith("else"):
            rest = said[4:].strip()
            rest = rest[2:].strip() if rest.startswith("if") else rest
            return f"{{% elsif {self._test(rest)} %}}" if rest else "{% else %}"
        body = said[1:].strip()
        if sign == "&":
            return f"{{{{ {self._name(body)} }}}}"
        if sign == "/":
            return f"{{% end{self._end(body)} %}}" if self.blocks else None
        if sign == "^" and not body:
            return "{% else %}"
        if sign == ">" or not body:
            return None
        word, _, rest = body.partition(" ")
        if sign == "#" and word in ("if", "unless") and rest:
            test = self._test(rest)
            self._open(word, "")
            return f"{{% {word} {test} %}}"
        if sign == "#" and word in ("equals", "eq", "is") and rest:
            test = self._test(f"({word} {rest})")
            self._open("if", "")
            return f"{{% if {test} %}}"
        if sign == "#" and word == "each" and rest:
            named = re.match(r"(\S+)\s+as\s+\|\s*(\w+)", rest)
            many, one = (named[1], named[2]) if named else (rest.split()[0], "item")
            many = self._name(many)
            self._open("for", "" if named else one)
            return f"{{% for {one} in {many} %}}"
        if rest:
            return None
        tag = "unless" if sign == "^" else "if"
        test = self._name(word)
        self._open(tag, "")
        return f"{{% {tag} {test} %}}"

    def _end(self, name: str) -> str:
        if self.blocks:
            tag, _ = self.blocks.pop()
            if tag == "for":
                self.items.pop()
            return tag
        return "for" if name == "each" else name if name in ("if", "unless") else "if"

    def _read_value(self, written: str, said: str) -> str | None:
        if inserted := re.fullmatch(r"insert\s+(\S+)(?:\s+\"?default=([^\"]*)\"?)?", said):
            default = f' | default: "{inserted[2]}"' if inserted[2] else ""
            return f"{{{{ {self._name(inserted[1])}{default} }}}}"
        name = self._name(said)
        return written if name == said else f"{{{{ {name} }}}}"

    def _name(self, said: str) -> str:
        """Return the Liquid name of a variable; inside a loop, that of its item."""
        item = self.items[-1] if self.items else ""
        if said in _COUNTERS:
            return _COUNTERS[said]
        if said.startswith("../"):
            return said.lstrip("./")
        if said in ("this", "."):
            return item or said
        if said.startswith("this."):
            return f"{item}.{said[5:]}" if item else said
        if said.startswith(("Recipient.", "Contact.", "Lead.")):
            return name_here(said)
        return f"{item}.{said}" if item and re.fullmatch(_VARIABLE, said) and said != item else said

    def _test(self, said: str) -> str:
        found = re.fullmatch(r"\(?\s*(eq|equals|is|ne|gt|gte|lt|lte|and|or)\s+(\S+)\s+(.+?)\s*\)?", said)
        if found:
            signs = {"ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "and": "and", "or": "or"}
            return f"{self._name(found[2])} {signs.get(found[1], '==')} {self._name(found[3])}"
        return self._name(said)


def _condition(said: str) -> str:
    found = re.fullmatch(r"(\w+)\s*(!=|>=|<=|=|>|<)\s*(.+)", said.strip())
    if not found:
        return name_here(said)
    value = found[3].strip().strip("\"'")
    number = re.fullmatch(r"-?\d+(\.\d+)?", value)
    sign = "==" if found[2] == "=" else found[2]
    return f"{name_here(found[1])} {sign} {value if number else chr(34) + value + chr(34)}"


def _read_bracketed(written: str, said: str) -> str:
    """Translate a name between signs that other texts have too; leave it as it is unless it must be a merge tag."""
    if found := _fallback(said):
        return write_output(found[1], found[2].strip("\"'“”"))
    return write_output(said) if is_merge_name(said) else written


def _read_salesforce(said: str) -> str | None:
    """Translate Salesforce's {!Contact.FirstName} and AWeber's {!firstname_fix}."""
    default = ""
    if found := _blank_value(said):
        said, default = found[1], found[2].strip("\"'")
    said = said.removeprefix("custom ").removesuffix("_fix")
    if not re.fullmatch(r"[\w. ]+", said) or not is_about_people(said):
        return None
    return write_output("full_name" if "." in said and said.endswith(".Name") else said, default)


def _read_listmonk(said: str) -> str | None:
    """Translate .Subscriber.Name and the like; a tracked link is its address, since every link is tracked here."""
    if not said.startswith("."):
        return re.split(r"[\"`]", said)[1]
    of, _, name = said[1:].partition(".")
    name = name.removeprefix("Attribs.")
    if of != "Subscriber" or not is_simple(name):
        return None
    return write_output("full_name" if name == "Name" else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))


def _read_code(written: str, said: str) -> str | None:
    """Translate a piece of a program, if it only writes a variable."""
    if written.startswith("<?"):
        found = _echo(said)
        return write_output(found[1]) if found and ("echo" in said or written[2] == "=") else None
    writes = written.startswith(("<%=", "<%-", "<%@", "[%"))
    name = said.lstrip("@")
    words = ("end", "else", "if", "unless", "for", "foreach", "do", "next", "last", "stop")
    return write_output(name) if writes and is_simple(name) and name.lower() not in words else None


def _read_dollar(said: str) -> str | None:
    """Translate ${name} and #{name}, and FreeMarker's with a default: ${name!"there"}."""
    name, mark, default = said.partition("!")
    name = name.strip().lstrip("@")
    default = default.strip().removeprefix("(").removesuffix(")").strip("\"'")
    return write_output(name, default if mark else "") if is_simple(name) else None
