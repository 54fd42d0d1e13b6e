"""What keeps a hostile program inside: namespaces, a private file tree, Landlock, seccomp, limits.

The modules of this package run inside the fresh worker process and use the standard library only; `probe` is the
one that runs in the host process and asks such a worker which layers this machine allows.
"""
