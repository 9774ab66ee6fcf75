"""What an inventory says of each service: its shape and its own rules, one file each."""
