"""The server's addresses on a page: each that the description has, with what it takes and answers."""

import re
from html import unescape

import pytest

from tests.evaluation.page.test_content import Page
from wsdkd.server.addresses import addresses_page, types
from wsdkd.server.app import make_app


class Nobody:
    """Students of whom there is none: nobody is asked."""

    first = "promoted"
    failures: dict[str, str] = {}  # noqa: RUF012, never changed


def test_it_says_what_the_description_says() -> None:
    description = make_app(Nobody()).openapi()  # type: ignore[arg-type]
    html = addresses_page(description)
    page, text = Page(html), " ".join(unescape(re.sub("<[^>]+>", " ", html)).split())
    for path in description["paths"]:
        assert path in text
    for words in (
        "post /predict Label the picture whose file is the request's body. The body is image/*, and is",
        "threshold number or nothing, from 0 to 1 one for all classes",
        "student text or nothing promoted, student or baseline",
        "413 the file is larger than is taken",
        "labels list of Label",
        "scores number by name",
    ):
        assert words in text
    inside = {each["href"] for each in page.named("a")}
    assert {"#Answer", "/openapi.json", "/"} <= inside
    assert {each["id"] for each in page.named("section") if "id" in each} >= {"Answer", "Label"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, "integer or nothing, from 1"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Label"}}, "list of Label"),
        ({"type": "object", "additionalProperties": True}, "object"),
        ({}, "anything"),
    ],
)
def test_types_in_words(schema: dict[str, object], words: str) -> None:
    assert types(schema) == words
