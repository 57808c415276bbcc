"""One HTTP/1.1 connection on a plain socket: what http.client adds to a latency would be told as ours."""
import json
import socket


class Down(Exception):
    """No whole answer came: what was asked for may have happened or not."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Wire:
    def __init__(self, port, token="", timeout_s=15):
        self.port, self.token, self.timeout_s = port, token, timeout_s
        self.socket, self.file = None, None

    def close(self):
        if self.socket:
            self.file.close()
            self.socket.close()
        self.socket = None

    def open(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), self.timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def ask(self, verb, target, body=None, headers=(), token=None):
        token = self.token if token is None else token
        lines = [f"{verb} {target} HTTP/1.1", "Host: soak"]
        if token:
            lines.append("Authorization: Bearer " + token)
        if body is not None:
            if not isinstance(body, (str, bytes)):
                body = json.dumps(body)
            if isinstance(body, str):
                body = body.encode()
            lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join([*lines, *headers, "", ""]).encode() + (body or b"")
        try:
            if not self.socket:
                self.open()
            self.socket.sendall(request)
            return self.read(verb)
        except (OSError, ValueError) as error:
            self.close()
            raise Down(str(error)) from error

    def read_head(self):
        first = self.file.readline()
        if not first.startswith(b"HTTP/1.1 "):
            raise OSError("closed")
        headers = {}
        while (line := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return int(first[9:12]), headers

    def read(self, verb):
        status, headers = self.read_head()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while piece := self.read_chunk():
                body += piece
        elif verb != "HEAD":
            size = int(headers.get("content-length", "0"))
            body = self.file.read(size)
            if len(body) != size:
                raise OSError("cut off")
        if headers.get("connection") == "close":
            self.close()
        return Answer(status, headers, body)

    def read_chunk(self):
        size = int(self.file.readline() or b"x", 16)
        piece = self.file.read(size)
        if len(piece) != size or self.file.readline() != b"\r\n":
            raise OSError("cut off")
        return piece
