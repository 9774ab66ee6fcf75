"""hubctl with other templates or plans than its own: `python -m tests.support.patched FOLDER WORD…`."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from provision import plan, render
from provision.node.manifest import dump, load_all
from provision.node.resources import Resource
from provision.transport import ssh

TEMPLATES = "templates"
RESOURCES = "resources.json"


def write_patch(
    folder: Path,
    *,
    resources: Sequence[Resource] = (),
    only: bool = False,
    templates: Mapping[str, str] = {},
    impatient: bool = False,
    fields: Mapping[str, Mapping[str, object]] = {},
) -> Path:
    """Write what is other, and return the folder.

    Args:
        folder: where.
        resources: added to the plan of every node.
        only: they are the whole plan.
        fields: other values for fields of resources, by the resources' ids.
        templates: text that is added at the end of templates, by their path.
        impatient: a node that answers nothing is given up after seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESOURCES).write_text(
        json.dumps({"only": only, "resources": dump(resources), "fields": fields, "impatient": impatient})
    )
    if templates:
        shutil.copytree(render.TEMPLATES, folder / TEMPLATES, dirs_exist_ok=True)
    for name, text in templates.items():
        path = folder / TEMPLATES / name
        path.write_text((render.TEMPLATES / name).read_text() + text)
    return folder


def apply_patch(folder: Path) -> None:
    """Change this process's hubctl."""
    if (folder / TEMPLATES).is_dir():
        render.TEMPLATES = folder / TEMPLATES
    patch = json.loads((folder / RESOURCES).read_text())
    if patch["impatient"]:
        ssh.KEEPALIVE_SECONDS, ssh.DEAD_PEER_SECONDS = 1, 5
    more = tuple(load_all(patch["resources"]))
    own = plan.plan

    def patched(ctx: plan.Context) -> plan.Plan:
        if patch["only"]:
            return plan.Plan(ctx.name, more)
        wanted = own(ctx)
        resources = (
            dataclasses.replace(each, **patch["fields"].get(each.id, {})) for each in wanted.resources
        )
        return dataclasses.replace(wanted, resources=(*resources, *more))

    plan.plan = patched


if __name__ == "__main__":
    from provision.cli import main

    apply_patch(Path(sys.argv.pop(1)))
    sys.exit(main())
