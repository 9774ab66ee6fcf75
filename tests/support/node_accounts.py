"""The programs that keep a machine's accounts, as `node_programs.py` plays them."""

import os


class Accounts:
    """Plays them on the tables below `root`; `stdin` is what the one that runs is given to read."""

    def groupadd(self, *argv):
        number = argv[argv.index("--gid") + 1] if "--gid" in argv else self.free_id()
        return self.add("etc/group", f"{argv[-1]}:x:{number}:")

    def useradd(self, *argv):
        name, number = argv[-1], self.free_id()
        home, shell = argv[argv.index("--home-dir") + 1], argv[argv.index("--shell") + 1]
        if "--user-group" in argv:
            self.add("etc/group", f"{name}:x:{number}:")
        self.add("etc/passwd", f"{name}:x:{number}:{number}::{home}:{shell}")
        self.add("etc/shadow", f"{name}:!:20000:0:99999:7:::")
        return self.usermod(*argv) if "--groups" in argv else (0, "")

    def usermod(self, *argv):
        if "--lock" in argv:
            return self.edit("etc/shadow", argv[-1], lambda row: [row[0], f"!{row[1]}", *row[2:]])
        groups, path = argv[argv.index("--groups") + 1].split(","), self.root / "etc/group"
        rows = [line.split(":") for line in path.read_text().splitlines()]
        for row in rows:
            if row[0] in groups:
                row[3] = ",".join(filter(None, [*row[3].split(","), argv[-1]]))
        path.write_text("".join(":".join(row) + "\n" for row in rows))
        return 0, ""

    def userdel(self, name):
        for table in ("etc/passwd", "etc/shadow", "etc/group"):
            self.edit(table, name, lambda _: None)
        return self.leave("hub-users", name)

    def gpasswd(self, action, name, group):
        join = ("--append", "--groups", group, name)
        return self.usermod(*join) if action == "--add" else self.leave(group, name)

    def leave(self, group, name):
        return self.edit(
            "etc/group",
            group,
            lambda row: [*row[:3], ",".join(other for other in row[3].split(",") if other != name)],
        )

    def chpasswd(self):
        name, _, password = self.stdin.removesuffix("\n").partition(":")
        return self.edit("etc/shadow", name, lambda row: [row[0], f"hash of {password}", *row[2:]])

    def edit(self, table, name, change):
        """Change the row of a table that begins with a name, or take it out."""
        path = self.root / table
        rows = [line.split(":") for line in path.read_text().splitlines()]
        rows = [change(row) if row[0] == name else row for row in rows]
        path.write_text("".join(":".join(row) + "\n" for row in rows if row))
        return 0, ""

    def add(self, table, line):
        with (self.root / table).open("a") as file:
            file.write(line + "\n")
        return 0, ""

    def free_id(self):
        if os.getuid() != 0:
            return os.getgid()  # the one that files may be given to without being root
        return 900 + len((self.root / "etc/group").read_text().splitlines())
