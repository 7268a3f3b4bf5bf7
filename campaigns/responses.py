"""Answers that many pages give alike."""

from collections.abc import Iterable

from django.http import StreamingHttpResponse


def csv_file(lines: Iterable[str], name: str) -> StreamingHttpResponse:
    """`lines` of CSV as a file to be saved as `name`, sent line by line however many they are."""
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
