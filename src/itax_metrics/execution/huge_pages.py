"""The interpreter's own code on huge pages, so that a forked process does not have to look its pages up one by one.

A worker forks for every program, and each of those processes takes a page fault for every few pages of the interpreter
that it runs through. As private huge pages the code comes along with the fork itself.

Covered: Linux 6.1 and later with transparent huge pages; a shared libpython as well as a static interpreter.
Not covered: everything else, where the worker goes on as it is; the mapping's name in /proc/self/maps is gone, so tools
that look symbols up by it find none.
"""

from __future__ import annotations

import ctypes

SIZE = 2 << 20

_READ, _WRITE, _EXECUTE = 1, 2, 4
_MAP_PRIVATE_ANONYMOUS = 0x22
_MREMAP_MAYMOVE_FIXED = 3
_MADV_COLLAPSE = 25

# With the interpreter lock held: no other code of this process may run half-way through.
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_libc.mremap.restype = ctypes.c_void_p
_libc.mremap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def move_code() -> int:
    """Put what is read-only of the interpreter's file on huge pages; how many there are now, 0 where none can be."""
    start, end = _whole_pages(_readable_around(_address_of_the_interpreter()))
    size = end - start
    if size <= 0:
        return 0
    held = _libc.mmap(None, size + SIZE, _READ | _WRITE, _MAP_PRIVATE_ANONYMOUS, -1, 0)
    if held in (None, ctypes.c_void_p(-1).value):
        return 0
    copy = -(-held // SIZE) * SIZE
    ctypes.memmove(copy, start, size)
    # Ordinary pages would be worse than none: each would be copied into the page table of every forked process.
    done = (
        _libc.madvise(copy, size, _MADV_COLLAPSE) == 0
        and _libc.mprotect(copy, size, _READ | _EXECUTE) == 0
        and _libc.mremap(copy, size, size, _MREMAP_MAYMOVE_FIXED, start) == start
    )
    if not done:
        _libc.munmap(held, size + SIZE)
        return 0
    if copy > held:
        _libc.munmap(held, copy - held)
    if held + SIZE > copy:
        _libc.munmap(copy + size, held + SIZE - copy)
    return size // SIZE


def _address_of_the_interpreter() -> int:
    return int(ctypes.cast(ctypes.pythonapi.Py_GetVersion, ctypes.c_void_p).value or 0)


def _readable_around(address: int) -> tuple[int, int]:
    """First and last address of the unwritable mappings of one file, without gaps, that hold `address`."""
    runs: list[tuple[int, int, str]] = []
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            span, rights, _, _, _, *path = line.split(maxsplit=5)
            low, high = (int(number, 16) for number in span.split("-"))
            # Without "r": linkers that align segments to large pages leave gaps that belong to the file all the same.
            if not path or "r" not in rights or "w" in rights or "p" not in rights:
                continue
            if runs and runs[-1][1] == low and runs[-1][2] == path[0]:
                low = runs.pop()[0]
            runs.append((low, high, path[0]))
    return next(((low, high) for low, high, _ in runs if low <= address < high), (0, 0))


def _whole_pages(span: tuple[int, int]) -> tuple[int, int]:
    return -(-span[0] // SIZE) * SIZE, span[1] // SIZE * SIZE
