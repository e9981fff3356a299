"""Writes to a block device in all the ways there are, at random places, from several threads.

    load.py DEVICE SEED OPERATIONS [LARGEST]

No operation is larger than LARGEST times 4 KiB. Prints the bytes it touched, each operation rounded
outwards to 64 KiB.
"""

import errno
import fcntl
import mmap
import os
import random
import struct
import sys
import threading

BLKDISCARD, BLKZEROOUT = 0x1277, 0x127F
UNIT, GRANULE, THREADS = 4096, 65536, 4

device, seed, operations = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
largest = int(sys.argv[4]) if len(sys.argv) > 4 else 256
lengths = [units for units in [1, 1, 1, 2, 8, 15, 16, 33, 256] if units <= largest]
direct = os.open(device, os.O_RDWR | os.O_DIRECT)
cached = os.open(device, os.O_RDWR)
size = os.lseek(cached, 0, os.SEEK_END)
touched = [0] * THREADS
failures = []


def settle(action):
    """The kernel says EIO where direct writes overtake cached ones: as it must, and no failure here."""
    try:
        action()
    except OSError as error:
        if error.errno != errno.EIO:
            raise


def work(index):
    try:
        write(index)
    except BaseException as error:
        failures.append(error)
        raise


def write(index):
    chance = random.Random(seed * 1000 + index)
    buffer = mmap.mmap(-1, 1 << 20)  # aligned, as O_DIRECT wants it
    window = mmap.mmap(cached, size)
    for _ in range(operations // THREADS):
        length = UNIT * chance.choice(lengths)
        at = chance.randrange(0, (size - length) // UNIT + 1) * UNIT
        data = chance.randbytes(64) * (length // 64)
        view = memoryview(buffer)[:length]
        view[:] = data
        kind = chance.choice(["direct"] * 6 + ["cached", "mmap", "sync", "discard", "zero"])
        if kind == "direct":
            os.pwritev(direct, [view], at)
        elif kind == "cached":
            os.pwrite(cached, data, at)
        elif kind == "sync":
            settle(lambda: os.pwritev(cached, [view], at, os.RWF_DSYNC))
        elif kind == "mmap":
            window[at : at + length] = data
            settle(lambda: window.flush(at, length))
        else:
            request = BLKDISCARD if kind == "discard" else BLKZEROOUT
            try:
                fcntl.ioctl(direct, request, struct.pack("QQ", at, length))
            except OSError as error:
                # A RAM disk of some kernels knows no discards.
                if error.errno != errno.EOPNOTSUPP:
                    raise
        touched[index] += -(-(at + length) // GRANULE) * GRANULE - at // GRANULE * GRANULE


threads = [threading.Thread(target=work, args=(index,)) for index in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
settle(lambda: os.fsync(cached))
if failures:
    sys.exit(1)
print(sum(touched))
