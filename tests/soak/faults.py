"""What happens to the node and around it while the load goes on."""
import json
import random
import signal
import socket
import struct
import threading
import time

SLOW_CLIENTS, RESETS, BAD_REQUESTS = 60, 200, 300


def connect(port):
    made = socket.create_connection(("127.0.0.1", port), 5)
    made.settimeout(5)
    return made


class Faults:
    """Each leaves its time in `windows`, so that what it cost can be told apart from what is usual."""

    def __init__(self, node, disk, seed, token):
        self.node, self.disk, self.token = node, disk, token
        self.random, self.windows, self.counts = random.Random(seed), [], {}
        self.restarts_s, self.open_idle, self.bad_statuses = [], [], {}
        self.busy = threading.Lock()  # nobody else may take a dead node for a failure

    def cause(self, name):
        begun_s = time.monotonic()
        with self.busy:
            getattr(self, name)()
        self.windows.append((begun_s, time.monotonic(), name))
        self.counts[name] = self.counts.get(name, 0) + 1

    def kill(self):
        self.node.kill()
        self.restarts_s.append(self.node.start())

    def freeze(self):
        self.node.signal(signal.SIGSTOP)
        time.sleep(1)
        self.node.signal(signal.SIGCONT)

    def hang_up(self):
        self.node.signal(signal.SIGHUP)

    def full_disk(self):
        self.disk.fill()
        until_s = time.monotonic() + 5
        while time.monotonic() < until_s:
            time.sleep(0.2)
            self.disk.fill()  # what a checkpoint gave back
        self.disk.free()

    def slow_clients(self):
        """Half-sent headers and bodies, and readers of a stream who do not read."""
        made = []
        stream = (f"GET /api/v1/streams/token HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer {self.token}"
                  "\r\n\r\n").encode()
        beginnings = [b"GET /api/v1/auth/me HTTP/1.1\r\nHost: so", stream,
                      b"POST /api/v1/events HTTP/1.1\r\nHost: soak\r\nContent-Length: 100000\r\n\r\n[{"]
        for number in range(SLOW_CLIENTS):
            made.append(connect(self.node.port))
            made[-1].sendall(beginnings[number % 3])
        for _ in range(5):
            time.sleep(1)
            for number, one in enumerate(made):
                try:
                    if number % 3 != 1:
                        one.sendall(b"x")
                except OSError:
                    pass  # the node has had enough of it
        for one in made:
            one.close()

    def resets(self):
        for _ in range(RESETS):
            one = connect(self.node.port)
            one.sendall(b"GET /api/v1/identities?limit=1000 HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer "
                        + self.token.encode() + b"\r\n\r\n"[:self.random.randrange(5)])
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()

    def bad_input(self):
        for _ in range(BAD_REQUESTS):
            try:
                with connect(self.node.port) as one:
                    one.sendall(self.random.choice(self.bad_requests())())
                    one.shutdown(socket.SHUT_WR)
                    first = one.recv(16)
            except OSError:
                first = b""
            status = first[9:12].decode("latin-1") or "closed"
            self.bad_statuses[status] = self.bad_statuses.get(status, 0) + 1

    def bad_requests(self):
        token = self.token

        def posted(path, body):
            return (f"POST {path} HTTP/1.1\r\nHost: soak\r\nAuthorization: Bearer {token}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n").encode() + body

        return [lambda: self.random.randbytes(200),
                lambda: b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                lambda: b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
                lambda: b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                lambda: posted("/api/v1/identities", b"[" * 50_000),
                lambda: posted("/api/v1/identities", b'{"identity_type":1,"identity_type":2}'),
                lambda: posted("/api/v1/tokens/jit", json.dumps({"identity_id": "\u0000"}).encode()),
                lambda: posted("/api/v1/events", self.random.randbytes(5_000)),
                lambda: posted("/oauth2/introspect", b"token=%zz&token=" + self.random.randbytes(300)),
                lambda: b"GET /api/v1/auth/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer sk_"
                        + b"%064x" % self.random.getrandbits(256) + b"\r\n\r\n"]

    def round(self, kills):
        """One minute's faults, in an order of the seed's choosing; the kill comes last."""
        names = ["freeze", "hang_up", "slow_clients", "resets", "bad_input"]
        if self.disk.mounted:
            names.append("full_disk")
        self.random.shuffle(names)
        return names + (["kill"] if kills else [])
