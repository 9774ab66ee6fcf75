#!/usr/bin/env python3
"""Becomes the browser that `$BROWSER_PROGRAM` names, which hears nothing of the computer's networks.

A browser breaks off what it loads whenever a network of the computer comes or goes, as other tests' machines do.
Without a netlink socket it hears of none, and takes the computer to be online.
"""

import ctypes
import os
import platform
import struct
import sys

SOCKET = {"x86_64": 41, "aarch64": 198}
"""The number of the system call socket(), by processor."""
AF_NETLINK, EPERM = 16, 1
LOAD, JUMP_UNLESS, RETURN = 0x20, 0x15, 0x06
NUMBER, FIRST_ARGUMENT = 0, 16  # in struct seccomp_data
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | EPERM
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2


class Filter(ctypes.Structure):
    """A program for the kernel: struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]


def refuse_netlink(socket: int) -> None:
    """Have the kernel refuse netlink sockets to this process and what comes of it."""
    steps = [
        (LOAD, 0, 0, NUMBER),
        (JUMP_UNLESS, 0, 3, socket),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (JUMP_UNLESS, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = Filter(len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program))):
        if libc.prctl(*words, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")


if __name__ == "__main__":
    if (number := SOCKET.get(platform.machine())) is not None:
        refuse_netlink(number)
    browser = os.environ["BROWSER_PROGRAM"]
    os.execv(browser, [browser, *sys.argv[1:]])
