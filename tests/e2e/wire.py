# SPDX-License-Identifier: Apache-2.0
"""As much of the wire protocol as the end-to-end tests need: doc/protocol.md."""
import os
import socket
import struct
import subprocess
import time

MAGIC = 0x31434C53
HELLO, WELCOME, COMPLETION, CONTROL = 1, 2, 6, 9
STATE_HASH = 3


def head(kind, length, tag=0):
    return struct.pack("<IHHII", MAGIC, kind, 0, length, tag)


class Model:
    """The device model with a persona, listening on a socket, so that its state can be asked for."""

    def __init__(self, build, persona, directory):
        self.path = os.path.join(directory, "device")
        self.process = subprocess.Popen(
            [f"{build}/src/sluice-model", "--seed", "1", "--socket", self.path, persona])
        for _ in range(200):
            if os.path.exists(self.path):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"sluice-model {persona} does not listen")

    def state(self):
        """SHA-256 of all state that a command may not change without saying so."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(10)
            s.connect(self.path)
            s.send(head(HELLO, 24) + struct.pack("<HHI", 1, 1, 0))
            if struct.unpack_from("<IH", s.recv(1 << 17))[1] != WELCOME:
                raise RuntimeError("no WELCOME")
            s.send(head(CONTROL, 24) + struct.pack("<II", STATE_HASH, 0))
            answer = s.recv(1 << 17)
            if struct.unpack_from("<IH", answer)[1] != COMPLETION or len(answer) != 64 + 32:
                raise RuntimeError("no state hash")
            return answer[64:]

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        if os.path.exists(self.path):
            os.unlink(self.path)
