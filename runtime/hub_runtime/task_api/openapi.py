"""The description of the API served at ``/openapi.json``."""

from __future__ import annotations

from typing import Any

import msgspec

from ..tbn.limits import MOST_BONDS, MOST_CONNECTED
from .request import TaskRequest
from .settings import Settings

_STRING = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}


def document(settings: Settings) -> dict[str, Any]:
    """OpenAPI 3.1, with the limits of these settings."""
    schemas = _schemas(settings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "task_api",
            "version": "1",
            "description": "Stable configurations of binding networks.\n\n" + _limits(settings),
        },
        "paths": _paths(),
        "components": {"schemas": schemas},
    }


def _limits(settings: Settings) -> str:
    limits = settings.limits
    return (
        f"A request has at most {limits.body_bytes:,} bytes and {limits.sites:,} sites, an answer "
        f"{limits.result_bytes:,} bytes. With constraints, or below the stable configurations, at most "
        f"{MOST_CONNECTED:,} monomers may be joined by bonds, and {MOST_BONDS:,} bonds be possible. "
        f"Tasks that have not ended: {limits.queued:,} and {limits.waiting_bytes:,} bytes in all, "
        f"{limits.client_bytes:,} bytes of one client. A task may run {settings.timeout:,} s; what was found "
        f"is kept {settings.result_expires:,} s."
    )


def _schemas(settings: Settings) -> dict[str, Any]:
    _, schemas = msgspec.json.schema_components([TaskRequest], ref_template="#/components/schemas/{name}")
    properties = schemas["TaskRequest"]["properties"]
    properties["monomers"]["maxItems"] = settings.limits.monomers
    properties["constraints"]["maxItems"] = settings.limits.constraints
    properties["gen"]["maximum"] = settings.limits.gen
    monomer = {"type": "array", "items": _STRING}
    polymer = {"type": "array", "items": monomer}
    configuration = _object({"polymers": {"type": "array", "items": polymer}, "polymers_count": _COUNT})
    configurations = {"type": "array", "items": {"$ref": "#/components/schemas/Configuration"}}
    message = {"message": _STRING}
    known = {"type": ["integer", "null"], "minimum": 1}
    found = {"configs": configurations, "count": _COUNT, "entropy": known}
    return {
        **schemas,
        "Configuration": configuration,
        "Accepted": _object({"task_id": _STRING}),
        "Complete": _object(
            {"status": {"const": "COMPLETE"}, "configs": configurations, "count": _COUNT, "entropy": _COUNT}
        ),
        "Progress": _object({"status": {"const": "Progress"}, "count": _COUNT, "k": _COUNT}),
        "TimedOut": _object({"status": {"const": "TimedOut"}, **message, **found}),
        "TBNException": _object({"status": {"const": "TBNException"}, **message}),
        "Exception": _object({"status": {"const": "Exception"}, **message, **found}),
        "BadRequest": _object({"status": {"const": "BadRequest"}, **message, "field": _STRING}),
        "Problem": _object({"status": _STRING, **message}),
        "Terminating": _object({"status": _STRING}),
        "Any": {"type": "object"},
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _responses(answers: dict[int, tuple[str, str]]) -> dict[str, Any]:
    return {
        str(code): {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        }
        for code, (text, schema) in answers.items()
    }


def _paths() -> dict[str, Any]:
    task_id = {"name": "task_id", "in": "path", "required": True, "schema": _STRING}
    busy = {
        429: ("Too many requests, or too much waiting, of this client.", "Problem"),
        503: ("The queue is out of reach or full.", "Problem"),
    }
    body = {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TaskRequest"}}},
    }
    accept = {
        202: ("Accepted.", "Accepted"),
        400: ("The body is wrong.", "BadRequest"),
        413: ("The body is too large.", "Problem"),
        415: ("The body is not declared as JSON.", "Problem"),
    }
    status = {
        200: ("Ended with all that was asked for.", "Complete"),
        202: ("Queued or running.", "Progress"),
        400: ("Timed out, with what was found.", "TimedOut"),
        401: ("The network or a constraint is wrong, or the task was terminated.", "TBNException"),
        402: ("Another failure, with what was found.", "Exception"),
        404: ("No such task, or its result has expired.", "Problem"),
    }
    terminate = {200: ("It is ended, or had ended.", "Terminating"), 404: ("No such task.", "Problem")}
    operator = {200: ("For the operator.", "Any"), 403: ("Not the operator.", "Problem")}
    return {
        "/task": {"post": {"requestBody": body, "responses": _responses(accept | busy)}},
        "/status/{task_id}": {"get": {"parameters": [task_id], "responses": _responses(status | busy)}},
        "/terminate/{task_id}": {
            "delete": {"parameters": [task_id], "responses": _responses(terminate | busy)}
        },
        "/tasks": {"get": {"responses": _responses(operator)}},
        "/health": {
            "get": {"responses": _responses({200: ("Healthy.", "Any"), 503: ("Not healthy.", "Any")})}
        },
        "/metrics": {
            "get": {
                "responses": {
                    "200": {"description": "Prometheus text.", "content": {"text/plain": {"schema": _STRING}}}
                }
            }
        },
        "/openapi.json": {"get": {"responses": _responses({200: ("This document.", "Any")})}},
    }
