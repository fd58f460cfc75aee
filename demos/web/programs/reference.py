"""The page /docs, written from the OpenAPI description: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Samloom for programs</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/samloom/reference.css"></head><body><main>
<p><a href="/">← The page</a></p><h1>Samloom for programs</h1>
<p>The same that the page does, in the same line of those who wait. Nothing is kept after a call.
<a href="/openapi.json">openapi.json</a> describes it for code generators.</p>
<h2>An assistant (MCP)</h2><p>Address <code>{base}mcp</code>, streamable HTTP; tools <code>plan</code>,
<code>edit</code>, <code>segment</code>, <code>everything</code>. An assistant that works with files starts
<code>samloom mcp</code> instead.</p>
<h2>Gradio</h2><p><code>gradio_client.Client("{base}")</code> has the endpoints <code>/plan</code>, <code>/edit</code>,
<code>/segment</code>, <code>/everything</code>.</p>
<h2>REST</h2>{operations}</main></body></html>"""


def router() -> APIRouter:
    """The page, which is no part of the API itself."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs", response_class=HTMLResponse)
    def docs(request: Request) -> str:
        base = str(request.base_url)
        return _PAGE.format(base=escape(base), operations="".join(_operations(request.app.openapi(), base.rstrip("/"))))

    return routes


def _operations(described: Mapping[str, Any], base: str) -> Iterator[str]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            form = _form(described, operation)
            rows = "".join(_row(name, field, name in form.get("required", ())) for name, field in _fields(form))
            yield (
                f"<section><h3><b>{method.upper()}</b> {escape(path)}</h3><p>{escape(operation['description'])}</p>"
                f"<table><thead><tr><th>Field<th>Kind<th>Meaning</tr></thead><tbody>{rows}</tbody></table>"
                f"<pre>{escape(_example(base + path, form))}</pre>{_answers(operation)}</section>"
            )


def _form(described: Mapping[str, Any], operation: Mapping[str, Any]) -> Mapping[str, Any]:
    content: Mapping[str, Any] = operation.get("requestBody", {}).get("content", {})
    references = [kind["schema"].get("$ref", "") for kind in content.values()]
    found: Mapping[str, Any] = described["components"]["schemas"].get("".join(references).rpartition("/")[2], {})
    return found


def _fields(form: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return list(form.get("properties", {}).items())


def _row(name: str, field: Mapping[str, Any], required: bool) -> str:  # noqa: FBT001
    kind = "file" if _is_file(field) else str(field.get("type", ""))
    default = "" if required else f" Default: {field.get('default')}."
    meaning = f"{field.get('description', '')}{escape(default)}"
    return f"<tr><td><code>{escape(name)}</code><td>{escape(kind)}<td>{meaning}</tr>"


def _is_file(field: Mapping[str, Any]) -> bool:
    return field.get("format") == "binary" or "contentMediaType" in field


def _example(address: str, form: Mapping[str, Any]) -> str:
    """A command line that calls an endpoint."""
    said = {"instruction": "replace the dog with a cat", "words": "dog. cat."}
    fields = [(name, "@dog.png" if _is_file(field) else said.get(name)) for name, field in _fields(form)]
    parts = [f"-F '{name}={value}'" for name, value in fields if value is not None]
    has_picture = any(_is_file(field) for _, field in _fields(form))
    wanted = " -H 'Accept: image/png' -o out.png" if has_picture else ""
    return f"curl {' '.join(parts)}{wanted} {address}"


def _answers(operation: Mapping[str, Any]) -> str:
    rows = [f"<li><b>{status}</b> {escape(answer['description'])}" for status, answer in operation["responses"].items()]
    return f"<ul>{''.join(rows)}</ul>"
