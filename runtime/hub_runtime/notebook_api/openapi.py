"""Descriptions of a notebook's API: OpenAPI 3.1, and the Swagger 2.0 that Kernel Gateway gives."""

from __future__ import annotations

from typing import Any

from .notebook import PARAMETER, Endpoint, Notebook

_PROBLEM = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("reason", "message", "id")},
    "required": ["reason", "message"],
}


def swagger(notebook: Notebook) -> dict[str, Any]:
    """Return the description that Kernel Gateway gives of the same notebook."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in notebook.endpoints:
        answers = {"responses": {"200": {"description": "Success"}}}
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = answers
    return {"swagger": "2.0", "paths": paths, "info": {"version": "0.0.0", "title": notebook.title}}


def document(notebook: Notebook) -> dict[str, Any]:
    """Return what the cells say of themselves, as OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in notebook.endpoints:
        paths.setdefault(PARAMETER.sub(r"{\1}", endpoint.path), {})[endpoint.method.lower()] = _operation(
            endpoint
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": notebook.title, "version": "1"},
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    options = endpoint.options
    names = PARAMETER.findall(endpoint.path)
    operation: dict[str, Any] = {"responses": _responses(endpoint)}
    if options.summary:
        operation["summary"] = options.summary
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    if options.body is not None:
        content = {"application/json": {"schema": options.body}}
        operation["requestBody"] = {"required": True, "content": content}
    if options.token:
        operation["security"] = [{"token": []}]
    return operation


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    options = endpoint.options
    success: dict[str, Any] = {"description": "Success"}
    if options.stream:
        success["content"] = {options.stream: {"schema": {"type": "string"}}}
    elif options.answer is not None:
        success["content"] = {"application/json": {"schema": options.answer}}
    refusals = {413: "The body is too large.", 500: "The cell failed.", 503: "No kernel was free in time."}
    refusals[504] = "The cell did not end in time."
    if options.body is not None:
        refusals |= {
            400: "The body is no JSON.",
            415: "It is not declared so.",
            422: "The body does not fit.",
        }
    if options.token:
        refusals[401] = "The token is missing or wrong."
    if options.rate:
        refusals[429] = f"More than {options.rate.requests} requests in {options.rate.seconds} s."
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    described = {
        str(code): {"description": text, "content": problem} for code, text in sorted(refusals.items())
    }
    return {"200": success, **described}
