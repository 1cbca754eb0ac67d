# SPDX-License-Identifier: Apache-2.0
"""An honest device on the wire protocol, in another language and of another making, to be spoilt by
those who derive from it. It cannot be cut from power or had anew."""
import contextlib
import os
import socket
import struct
import tempfile
import time

MAGIC, DATA_MAX, BLOCKS = 0x31434C53, 131072, 4096
IO, OPCODE, FIELD, RANGE = 2, 0x4001, 0x4002, 0x4080


class Device:
    """Honest: two features, 2 MiB, an effects log, SMART and firmware logs."""

    admin = {0x02: 1, 0x06: 1, 0x09: 0x11, 0x0A: 1}
    nvm = {0x00: 1, 0x01: 3, 0x02: 1, 0x05: 1, 0x08: 3}

    def __init__(self):
        self.features = {1: 7, 6: 1, 10: 0}
        self.disk = bytearray(512 * BLOCKS)
        self.counters = [0, 0, 0, 0]  # units read, written; reads, writes
        self.revision, self.count, self.knock, self.mail = b"1.0", 0, [], b""

    def identify(self):
        page = bytearray(4096)
        page[4:24], page[24:64], page[64:72] = b"FOREIGN1".ljust(20), b"Foreign device".ljust(40), self.revision.ljust(8)
        page[77] = 5
        struct.pack_into("<I", page, 80, 0x10400)
        page[261], page[512], page[513] = 2, 0x66, 0x44
        struct.pack_into("<IH", page, 516, 1, 0x0C)  # NN; ONCS: Write Zeroes, Compare comes unasked
        struct.pack_into("<H", page, 520, 0x09)
        page[525] = 1
        return bytes(page)

    def namespace(self):
        page = bytearray(4096)
        struct.pack_into("<QQQ", page, 0, BLOCKS, BLOCKS, BLOCKS)
        struct.pack_into("<I", page, 128, 9 << 16)
        return bytes(page)

    def log(self, lid):
        page = bytearray(4096)
        if lid == 5:
            for n, entries in ((0, self.admin), (1024, self.nvm)):
                for op, word in entries.items():
                    struct.pack_into("<I", page, n + 4 * op, word)
        elif lid == 2:
            struct.pack_into("<BHB", page, 0, 0, 310, 100)
            for i, n in enumerate(self.counters):
                struct.pack_into("<Q", page, 32 + 16 * i, n // 1000 if i < 2 else n)
        elif lid == 3:
            page[0] = 1
            page[8:16] = self.revision.ljust(8)
        elif lid != 1:
            return None
        return bytes(page)

    def read(self, lba, n):
        return bytes(self.disk[512 * lba : 512 * (lba + n)])

    def write(self, lba, data):
        self.disk[512 * lba : 512 * lba + len(data)] = data

    def execute(self, queue, cdw, data):
        """(status, result, data)"""
        op, nsid = cdw[0] & 0xFF, cdw[1]
        if queue != IO:
            if op == 0x06:
                cns = cdw[10] & 0xFF
                pages = {1: self.identify, 0: self.namespace, 2: lambda: struct.pack("<I", 1 if nsid < 1 else 0).ljust(4096, b"\0")}
                return (0, 0, pages[cns]()) if cns in pages and (cns or nsid in (1, 0xFFFFFFFF)) else (FIELD, 0, b"")
            if op == 0x02:
                page = self.log(cdw[10] & 0xFF)
                return (0, 0, page) if page else (0x4109, 0, b"")
            fid = cdw[10] & 0xFF
            if op not in (0x09, 0x0A):
                return OPCODE, 0, b""
            if fid not in self.features or cdw[10] >> 31 or (op == 10 and cdw[10] >> 8 & 7):
                return FIELD, 0, b""
            if op == 0x09:
                self.features[fid] = cdw[11]
            return 0, self.features[fid] if op == 0x0A else 0, b""
        if op not in self.nvm or nsid != 1:
            return OPCODE if op not in self.nvm else 0x400B, 0, b""
        if op == 0:
            return 0, 0, b""
        lba, n = cdw[10] | cdw[11] << 32, (cdw[12] & 0xFFFF) + 1
        if lba + n > BLOCKS:
            return RANGE, 0, b""
        if op in (0x02, 0x05):
            self.counters[0] += n
            self.counters[2] += 1
            got = self.read(lba, n)
            return (0, 0, got) if op == 0x02 else (0 if got == data else 0x285, 0, b"")
        self.counters[1] += n
        self.counters[3] += 1
        self.write(lba, data if op == 0x01 else bytes(512 * n))
        return 0, 0, b""


def message(kind, tag, body, data=b""):
    return struct.pack("<IHHII", MAGIC, kind, 0, 16 + len(body) + len(data), tag) + body + data


def answer(device, packet):
    _, kind, _, _, tag = struct.unpack_from("<IHHII", packet)
    if kind == 1:
        return message(2, tag, struct.pack("<HHIII", 1, 1, 0, DATA_MAX, 0))
    if kind == 3:
        return message(4, tag, struct.pack("<B3xI64s", 1, DATA_MAX, b"foreign"))
    if kind != 5:
        return None
    wanted = struct.unpack_from("<I", packet, 32)[0]
    status, result, data = device.execute(packet[18], struct.unpack_from("<16I", packet, 40), packet[104:])
    data = data[:wanted] if packet[19] & 2 else b""
    return message(6, tag, struct.pack("<BBHIQIIQIIII", 0, 0, status, 0, result, 0, 0, 0, len(data), 0, 0, 0), data)


def serve(device, path):
    """Never returns. The socket has its name once somebody listens there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path + ".new")
    listener.listen()
    os.rename(path + ".new", path)
    while True:
        peer, _ = listener.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * DATA_MAX)
        try:
            while packet := peer.recv(2 * DATA_MAX):
                if reply := answer(device, packet):
                    peer.send(reply)
        except ConnectionError:
            pass
        peer.close()


@contextlib.contextmanager
def served(device):
    """The path of a socket on which a process of its own serves it."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "s")
        pid = os.fork()
        if pid == 0:
            try:
                serve(device, path)
            finally:
                os._exit(1)
        try:
            while not os.path.exists(path):
                time.sleep(0.01)
            yield path
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
