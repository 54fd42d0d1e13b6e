"""Puts a worker behind every layer this machine allows, and says which those are.

Covered: see the modules of the layers. A layer that fails half-way ends the worker with its reason (`LayerFailed`);
the probe then starts another one without it.
Not covered: with `policy="off"` nothing but process limits, an own session and a scratch directory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from . import landlock, namespaces, seccomp, syscalls, tree
from .memory_group import MemoryGroup


class LayerFailed(Exception):
    """A layer was refused after the process had already changed; `layer` and `reason` go to the supervisor."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"{layer}: {reason}")
        self.layer, self.reason = layer, reason


class Confinement:
    """What the worker has to do for each program, and what holds already.

    A plain class: importing dataclasses would weigh on every fork.
    """

    def __init__(self, scratch: str, layers: list[str], missing: dict[str, str]) -> None:
        self.scratch = scratch
        self.shared: str | None = None
        """A private /dev/shm that must be emptied, if there is one."""
        self.pid_namespace: int | None = None
        self.ruleset: landlock.Ruleset | None = None
        """To be applied in each program's process; None where the whole worker is already behind it."""
        self.proc: int | None = None
        """An open /proc that shows the programs' processes, and that no path leads to."""
        self.group: MemoryGroup | None = None
        """The control group that programs join."""
        self.drop_to: int | None = None
        self.drop_capabilities = False
        self.count_processes = False
        self.layers = layers
        self.missing = missing
        self.contains: list[str] = []
        """Which of files, network and processes are contained."""


def confine(config: Mapping[str, Any]) -> Confinement:
    """Apply the layers; with namespaces the caller goes on as pid 1 of its own pid namespace.

    Raises:
        LayerFailed: the process is in no state to go on.
    """
    skip: dict[str, str] = dict(config["skip"])
    if config["policy"] == "off":
        held = Confinement(config["scratch"], ["limits"], {"all": "switched off"})
        held.proc = _open_directory("/proc")
        _become_subreaper()
        os.chdir(held.scratch)
        return held
    readable = tree.readable_paths(config.get("readable", ()))
    held = Confinement(config["scratch"], ["limits"], dict(skip))
    _open_group(held, config)
    if "namespaces" not in skip:
        before = os.stat("/proc/self/ns/user").st_ino
        try:
            other_user = namespaces.enter()
        except OSError as error:
            if os.stat("/proc/self/ns/user").st_ino != before:
                raise LayerFailed("namespaces", _why_namespaces(error)) from error
            held.missing["namespaces"] = _why_namespaces(error)
        else:
            _inside(held, other_user, readable, config)
    inside = held.pid_namespace is not None
    if not inside:
        _become_subreaper()
        os.chdir(held.scratch)
        with contextlib.suppress(OSError):
            held.proc = _open_directory("/proc")
    if held.proc is not None:
        held.layers.append("memory_of_all")
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    held.layers.append("no_new_privs")
    held.drop_capabilities = True
    _add_landlock(held, readable, inside)
    if "seccomp" not in skip:
        try:
            seccomp.install(sockets=inside)
            held.layers.append("seccomp")
        except OSError as error:
            held.missing["seccomp"] = str(error)
    _choose_user(held, inside)
    held.contains = _contained(held, inside)
    return held


def _inside(held: Confinement, other_user: int | None, readable: list[str], config: Mapping[str, Any]) -> None:
    child = os.fork()
    if child:
        _stand_by(child)

    def open_proc(scratch: str) -> None:
        try:
            held.proc = _private_proc(scratch)
        except OSError as error:
            held.missing["memory_of_all"] = str(error)

    try:
        # Killing the launcher kills this process, and with it everything in its pid namespace.
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        held.pid_namespace = namespaces.open_own_pid_namespace()
        namespaces.next_child_in_new_pid_namespace(held.pid_namespace)
        try:
            namespaces.forbid_user_namespaces()
            held.layers.append("no_nested_namespaces")
        except OSError as error:
            held.missing["no_nested_namespaces"] = str(error)
        with contextlib.suppress(OSError):
            namespaces.raise_loopback()
        held.scratch = tree.build(
            readable, config["scratch_bytes"], proc=bool(config.get("proc")), before_closing=open_proc
        )
    except OSError as error:
        raise LayerFailed("namespaces", _why_namespaces(error)) from error
    held.shared = "/dev/shm"
    held.drop_to = other_user
    held.layers += ["namespaces", "private_tree"]
    # Since Linux 5.14 processes are counted per user namespace; before, all of the user's would count.
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2] if part.isdigit())
    if release >= (5, 14) and (held.drop_to is not None or os.geteuid() != 0):
        held.count_processes = True
        held.layers.append("process_count")
    else:
        held.missing["process_count"] = "needs Linux 5.14, and programs that do not run as root"


def _open_group(held: Confinement, config: Mapping[str, Any]) -> None:
    # Here, where its path still exists.
    if config["memory_group"] is None:
        held.missing.setdefault("memory_group", config["no_memory_group"])
        return
    try:
        group = MemoryGroup(config["memory_group"])
        group.try_to_join()
        held.group = group
        held.layers.append("memory_group")
    except OSError as error:
        held.missing["memory_group"] = str(error)


def _private_proc(mount_point: str) -> int:
    # Mounted over any directory, opened, and taken away again: programs never see it, the descriptor stays.
    syscalls.mount("proc", mount_point, "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_RDONLY)
    try:
        return _open_directory(mount_point)
    finally:
        syscalls.detach(mount_point)


def _open_directory(path: str) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _stand_by(child: int) -> NoReturn:
    """The launcher's whole remaining life: hold nothing, wait for pid 1, pass its status on."""
    os.closerange(0, 256)
    status = 1
    try:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF
    finally:
        os._exit(status)


def _become_subreaper() -> None:
    # Orphans of a program come to the worker, which kills them.
    with contextlib.suppress(OSError):
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)


def _why_namespaces(error: OSError) -> str:
    hint = ""
    for knob, wanted in (
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "1"),
    ):
        with contextlib.suppress(OSError), open(knob, encoding="ascii") as value:
            if value.read().strip() != wanted:
                hint = f" ({os.path.basename(knob)} should be {wanted})"
    return f"{error.strerror or error}{hint}"


def _add_landlock(held: Confinement, readable: list[str], inside: bool) -> None:
    if "landlock" in held.missing:
        return
    devices = [f"/dev/{name}" for name in tree.DEVICES]
    writable = [held.scratch, "/dev/shm"] if inside else [held.scratch]
    try:
        # Inside the private tree everything that exists may be read.
        opened = [held.proc] if inside and held.proc is not None else []
        ruleset = landlock.build(["/"] if inside else readable, writable, devices, alone=not inside, opened=opened)
        if inside:
            ruleset.apply()
            os.close(ruleset.descriptor)
        else:
            held.ruleset = ruleset
        held.layers.append("landlock")
    except OSError as error:
        held.missing["landlock"] = str(error)


def _choose_user(held: Confinement, inside: bool) -> None:
    if os.geteuid() != 0:
        return
    wanted = held.drop_to if inside else namespaces.NOBODY
    if wanted is not None and _works_as(wanted):
        held.drop_to = wanted
        # The change of user takes them all away; tried out just now.
        held.drop_capabilities = False
        held.layers.append("nobody")
        if not inside:
            os.chmod(held.scratch, 0o777)
    else:
        held.drop_to = None
        held.missing["nobody"] = "the interpreter's files are not readable by everyone, or the id is not available"
        if held.count_processes:
            held.count_processes = False
            held.layers.remove("process_count")
            held.missing["process_count"] = "does not count for root"


def become(user: int) -> None:
    """Change to another user and group id for good."""
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _works_as(user: int) -> bool:
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    status = 1
    try:
        become(user)
        for path in {os.path.dirname(os.__file__), *sys.path}:
            if os.path.isdir(path):
                os.listdir(path)
        with open(os.__file__, "rb") as source:
            source.read(1)
        status = int(syscalls.has_capabilities())
    except OSError:
        status = 1
    finally:
        os._exit(status)


def _contained(held: Confinement, inside: bool) -> list[str]:
    if inside:
        return ["files", "network", "processes"]
    contains = []
    # Landlock leaves chmod of one's own files alone: only another user id closes that.
    if held.ruleset is not None and held.drop_to is not None:
        contains.append("files")
    if "seccomp" in held.layers:
        contains.append("network")
    if held.ruleset is not None and held.ruleset.signals:
        contains.append("processes")
    return contains
