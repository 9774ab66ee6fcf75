"""What cloud-init finds in a machine: the NoCloud seed, made of what the API was given."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .disk import Disk

_SEED = "var/lib/cloud/seed/nocloud"


def write_seed(
    disk: Disk, *, instance_id: str, hostname: str, user_data: str, public_keys: Sequence[str]
) -> None:
    """Write the seed that cloud-init reads on its first run.

    Args:
        disk: the machine's disk, not booted yet.
        instance_id: a new one makes cloud-init run anew.
        hostname: name of the machine.
        user_data: as the API got it: cloud-config, a script, or empty.
        public_keys: root's authorized keys.
    """
    metadata = {"instance-id": instance_id, "local-hostname": hostname, "public-keys": list(public_keys)}
    disk.folder(_SEED, mode=0o700)
    disk.write(f"{_SEED}/meta-data", json.dumps(metadata), 0o600)  # JSON is YAML
    disk.write(f"{_SEED}/user-data", user_data or "#cloud-config\n{}\n", 0o600)
    disk.write(f"{_SEED}/vendor-data", "#cloud-config\n{}\n", 0o600)
