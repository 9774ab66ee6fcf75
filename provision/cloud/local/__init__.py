"""The local cloud: a DigitalOcean-compatible API whose droplets are systemd-nspawn machines on this computer."""
