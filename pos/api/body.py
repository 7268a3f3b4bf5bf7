"""Reads what a till sends: JSON into the structs of pos.api.schemas, or every fault by its path.

msgspec decodes and checks at once, but accepts a repeated key silently and stops at the first fault. `is_plain` proves
of a usual body, without a second parse, that no key is repeated. A body that is refused is checked again, value by
value, so that the answer names every fault, up to MOST_FAULTS. Anybody may send a body, so each step takes time in
proportion to its length alone: the key is checked only when the database is asked.
"""

import json
import re
import types
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TypeVar, Union, cast, get_args, get_origin

import msgspec
from django.utils.translation import gettext

from campaigns import instants
from campaigns.annotations import Annotation, Json, JsonObject
from pos.api.answers import RequestRefused, invalid_values_refusal
from pos.api.expectations import describe_expected
from pos.api.schemas import MAX_BODY, MAX_LINES, MAX_SUBTOTAL, QuoteRequest, ReturnRequest, SaleRequest

Request = TypeVar("Request", QuoteRequest, SaleRequest, ReturnRequest)

DECODERS: dict[type, msgspec.json.Decoder[Json]] = {
    kind: msgspec.json.Decoder(kind) for kind in (QuoteRequest, SaleRequest, ReturnRequest)
}
MOST_FAULTS = 100  # that one answer names: a body of a megabyte can have some hundred thousand
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
KEY_ENDS_WITHOUT_COLON = (b'" ', b'"\n', b'"\r', b'"\t')  # a key whose colon does not follow at once


def read_request(body: bytes, kind: type[Request]) -> Request:
    """Decode and check the request in `body`.

    Raises:
        RequestRefused: 400 for text that is not JSON, a float or a repeated key, 413 when it is too long, 422 with
            every value that cannot be.
    """
    if len(body) > MAX_BODY:
        raise RequestRefused(
            413,
            "too_large",
            gettext("The body has %(count)s bytes; %(most)s are accepted at most.")
            % {"count": len(body), "most": MAX_BODY},
        )
    try:
        request: Request = DECODERS[kind].decode(body)
    except msgspec.ValidationError:
        value = decode_strictly(body)
        raise invalid_values_refusal(group_by_path(find_faults(value, kind, ""))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestRefused(
            400, "not_json", gettext("The body is not JSON: %(error)s.") % {"error": error}
        ) from None
    if not is_plain(body):
        decode_strictly(body)
    if wrong := group_by_path(find_contradictions(request)):
        raise invalid_values_refusal(wrong)
    return request


def is_plain(body: bytes) -> bool:
    """Return whether `body`, which is valid JSON, surely repeats no key and has no control character in its texts.

    Without a backslash each quote begins or ends a text. So `":` occurs at least once for each key, unless white space
    stands between a key and its colon. When it occurs exactly as often as there are decoded keys, no key was dropped.
    A doubtful body is read again by `decode_strictly`.
    """
    if (
        b"\\" in body
        or b"\x7f" in body
        or b"\xc2" in body
        or any(gap in body for gap in KEY_ENDS_WITHOUT_COLON)
    ):
        return False
    value = msgspec.json.decode(body)
    keys = len(value)
    for part in value.values():
        if type(part) is dict:
            keys += len(part)
        elif type(part) is list:
            keys += sum([len(item) for item in part if type(item) is dict])
    return body.count(b'":') == keys and (
        type(value.get("lines")) is not list or len(value["lines"]) <= MAX_LINES
    )


def decode_strictly(body: bytes) -> Json:
    """Return the value in `body`.

    Raises:
        RequestRefused: it holds a float, a repeated key, too many lines or a control character.
    """

    def refuse_float(text: str) -> None:
        raise RequestRefused(
            400,
            "float",
            gettext(
                '%(text)s is not an integer: money and quantities are integers, weights are texts as "0.350".'
            )
            % {"text": text},
        )

    def refuse_repeated_keys(pairs: list[tuple[str, Json]]) -> JsonObject:
        value = dict(pairs)
        if len(value) < len(pairs):
            repeated = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
            raise RequestRefused(
                400,
                "repeated_key",
                gettext("The key “%(repeated)s” comes twice in one object.") % {"repeated": repeated},
            )
        return value

    try:
        value = json.loads(
            body,
            object_pairs_hook=refuse_repeated_keys,
            parse_float=refuse_float,
            parse_constant=refuse_float,
        )
    except (ValueError, RecursionError) as error:  # a number of thousands of digits
        raise RequestRefused(
            400, "not_json", gettext("The body is not JSON that can be read: %(error)s.") % {"error": error}
        ) from None
    lines = value.get("lines") if isinstance(value, dict) else None
    if isinstance(lines, list) and len(lines) > MAX_LINES:
        raise RequestRefused(
            413,
            "too_many_lines",
            gettext("There are %(count)s lines; %(most)s are accepted at most.")
            % {"count": len(lines), "most": MAX_LINES},
        )
    if wrong := group_by_path(find_control_characters(value, "")):
        raise invalid_values_refusal(wrong)
    return value


def group_by_path(faults: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    """Group the first MOST_FAULTS sentences about a body by the path they are about."""
    fields: dict[str, list[str]] = {}
    for path, sentence in islice(faults, MOST_FAULTS):
        fields.setdefault(path or "body", []).append(sentence)
    return fields


def find_control_characters(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and sentence of each text with a control character."""
    if isinstance(value, str) and CONTROL_CHARACTER.search(value):
        yield path, gettext("This text has a control character.")
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from find_control_characters(part, join_path(path, name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from find_control_characters(part, join_path(path, number))


def find_faults(value: Json, kind: Annotation, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and sentence of everything that keeps `value`, plain JSON, from being a `kind`."""
    inner = strip_constraints(kind)
    is_right_within = True
    for fault in find_faults_below(value, inner, path):
        is_right_within = False
        yield fault
    if is_right_within:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            wanted = describe_expected(kind)
            yield (
                path,
                gettext("%(wanted)s is expected; this is %(value)s.")
                % {"wanted": wanted[0].upper() + wanted[1:], "value": shorten_json(value)},
            )


def find_faults_below(value: Json, kind: Annotation, path: str) -> Iterator[tuple[str, str]]:
    """Yield the faults of what lies within `value`, which is of the right kind itself."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for name, field in fields.items():
            if name in value:
                yield from find_faults(value[name], field.type, join_path(path, name))
            elif field.required:
                yield join_path(path, name), gettext("This is missing.")
        for name in value:
            if name not in fields:
                yield join_path(path, name), gettext("There is no such field.")
    elif cast("object", get_origin(kind)) is tuple and isinstance(value, list):
        for number, part in enumerate(
            value[:MAX_LINES]
        ):  # no list may be longer: what is longer is itself at fault
            yield from find_faults(part, get_args(kind)[0], join_path(path, number))


def strip_constraints(kind: Annotation) -> Annotation:
    """Return `kind` without its constraints; for `kind | None`, return `kind`."""
    while hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    if cast("object", get_origin(kind)) in (Union, types.UnionType):
        known = [part for part in get_args(kind) if part is not types.NoneType]
        return strip_constraints(known[0]) if len(known) == 1 else kind
    return kind


def find_contradictions(request: QuoteRequest | SaleRequest | ReturnRequest) -> Iterator[tuple[str, str]]:
    """Yield path and sentence of each value that does not fit the others of its request."""
    known: set[str] = set()
    for number, line_id in enumerate([line.id for line in request.lines]):
        if line_id in known:
            yield (
                f"lines.{number}.id",
                gettext("The line id “%(line_id)s” comes twice.") % {"line_id": line_id},
            )
        known.add(line_id)
    if isinstance(request, ReturnRequest):
        return
    subtotal = 0
    for number, line in enumerate(request.lines):
        if line.line_total is not None:
            subtotal += line.line_total
        elif type(line.quantity) is int:
            subtotal += line.quantity * line.unit_price
        else:
            yield f"lines.{number}.line_total", gettext("Weighed goods need their line_total.")
    if subtotal > MAX_SUBTOTAL:
        yield (
            "lines",
            gettext("The sale is worth %(subtotal)s; %(most)s is the most.")
            % {"subtotal": subtotal, "most": MAX_SUBTOTAL},
        )
    if isinstance(request, SaleRequest):
        if request.ttl is not None and request.state != "held":
            yield "ttl", gettext("Only a held sale has a ttl.")
        if request.offline_at is not None and not instants.is_possible(request.offline_at):
            yield "offline_at", str(instants.SENTENCE)
        if request.offline_at is not None and request.state == "held":
            yield "offline_at", gettext("A sale made offline is over: it cannot be held.")


def join_path(path: str, name: str | int) -> str:
    """Append a name or a place to the path of a value."""
    return f"{path}.{name}" if path else f"{name}"


def shorten_json(value: Json) -> str:
    """Write a value as JSON of 60 letters at most."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
