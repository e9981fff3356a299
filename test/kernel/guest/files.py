"""Writes to a mounted file system in all the ways there are: files.py DIRECTORY SEED STEPS."""

import ctypes
import fcntl
import mmap
import os
import random
import struct
import sys

FITRIM = 0xC0185879
PUNCH_HOLE, ZERO_RANGE, KEEP_SIZE = 2, 16, 1
PAGE = 4096

directory, seed, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
os.chdir(directory)
buffer = mmap.mmap(-1, 64 * PAGE)  # aligned, as O_DIRECT wants it
made = []


def fill(pages):
    view = memoryview(buffer)[: pages * PAGE]
    view[:] = chance.randbytes(64) * (pages * PAGE // 64)
    return view


def new_file(name):
    with open(name, "wb") as file:
        file.write(fill(chance.randrange(1, 40)))
        if chance.random() < 0.5:
            os.fsync(file.fileno())
    made.append(name)


def overwrite(name, flags):
    file = os.open(name, os.O_RDWR | flags)
    os.pwritev(file, [fill(chance.randrange(1, 8))], chance.randrange(0, 40) * PAGE)
    os.close(file)


def through_memory(name):
    with open(name, "r+b") as file:
        window = mmap.mmap(file.fileno(), 0)
        at = chance.randrange(0, len(window))
        window[at : at + 1] = b"m"
        if chance.random() < 0.5:
            window.flush()


def allocate(name, mode):
    file = os.open(name, os.O_RDWR)
    if libc.fallocate(file, mode, chance.randrange(0, 30) * PAGE, 8 * PAGE) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")
    os.close(file)


for step in range(steps):
    kind = chance.randrange(0, 10)
    if kind < 3 or len(made) < 5:
        new_file(f"file{step}")
        continue
    name = chance.choice(made)
    if kind == 3:
        overwrite(name, os.O_DIRECT)
    elif kind == 4:
        overwrite(name, os.O_DSYNC)
    elif kind == 5:
        overwrite(name, 0)
    elif kind == 6:
        through_memory(name)
    elif kind == 7:
        allocate(name, ZERO_RANGE)
    elif kind == 8:
        allocate(name, PUNCH_HOLE | KEEP_SIZE)
    else:
        made.remove(name)
        os.unlink(name)
root = os.open(".", os.O_RDONLY)
os.sync()
fcntl.ioctl(root, FITRIM, struct.pack("QQQ", 0, 2**63, 0))
