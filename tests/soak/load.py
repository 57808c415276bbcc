"""Steady mixed load from one connection, and a record of every answer that was acknowledged."""
import random
import time

from wire import Down, Wire

SCOPES = ["a:read", "a:write"]
EVENTS_KEPT = 30  # of one identity: the node knows the last 64 event ids of each again
EVENTS_OF_BATCH = 20


class Record:
    """What the node said that it did. What was asked for and never answered is unsure, and is not looked at."""

    def __init__(self):
        self.identities = {}  # id -> active, suspended, unsure
        self.tokens = {}      # id -> {jwt, identity, state, at_s}
        self.services = {}    # id -> {secret, state}
        self.events = {}      # identity -> the last bodies that were accepted
        self.broken = []      # sentences: what was promised and not kept
        self.timings = []     # (kind, begun, milliseconds, status; 0: no answer)
        self.accepted = 0     # events
        self.failures = {}    # code of a 5xx -> how often


class Worker:
    def __init__(self, number, seed, port, token, rate):
        self.number, self.random, self.rate = number, random.Random(f"{seed}-{number}"), rate
        self.wire, self.record, self.serial = Wire(port, token), Record(), 0
        self.live, self.ended = [], []  # ids of tokens
        self.observed = []  # identities without tokens: uses would push their events out of the node's last 64

    def timed(self, kind, *asked, **more):
        begun_s = time.monotonic()
        status = 0
        try:
            answer = self.wire.ask(*asked, **more)
            status = answer.status
            if status >= 500:
                code = (answer.json() or {}).get("code", "none")
                self.record.failures[code] = self.record.failures.get(code, 0) + 1
            return answer
        finally:
            self.record.timings.append((kind, begun_s, (time.monotonic() - begun_s) * 1e3, status))

    def run(self, stop):
        steps = [(30, self.introspect), (18, self.use), (12, self.issue), (4, self.register), (9, self.revoke),
                 (10, self.report), (6, self.list), (5, self.show), (2, self.create_service),
                 (1, self.revoke_service), (1, self.suspend), (2, self.read_stream), (1, self.metrics)]
        weights, works = [weight for weight, _ in steps], [work for _, work in steps]
        next_s = time.monotonic()
        while not stop.is_set():
            try:
                self.random.choices(works, weights)[0]()
            except Down:
                time.sleep(0.05)
            next_s = max(next_s + 1 / self.rate, time.monotonic() - 1)
            time.sleep(max(0.0, next_s - time.monotonic()))

    def name(self):
        self.serial += 1
        return f"soak-{self.number}-{self.serial}"

    def any_identity(self):
        active = [key for key, state in list(self.record.identities.items())[-200:]
                  if state == "active" and key not in self.observed[-200:]]
        return self.random.choice(active) if active else None

    def register(self):
        answer = self.timed("register", "POST", "/api/v1/identities", {
            "identity_type": {"type": "ServiceAccount", "service_name": self.name(), "environment": "test",
                              "owner_team": "soak"}, "allowed_scopes": SCOPES})
        if answer.status == 201:
            identity = answer.json()["identity_id"]
            self.record.identities[identity] = "active"
            if self.serial % 4 == 0 or len(self.observed) < 4:
                self.observed.append(identity)

    def issue(self):
        identity = self.any_identity()
        if identity is None:
            return self.register()
        answer = self.timed("issue", "POST", "/api/v1/tokens/jit", {
            "identity_id": identity, "requested_scopes": ["a:read"], "justification": "soak"})
        if answer.status == 201:
            told = answer.json()
            self.record.tokens[told["token_id"]] = {"jwt": told["access_token"], "identity": identity,
                                                    "state": "active", "at_s": time.monotonic()}
            self.live.append(told["token_id"])

    def pick(self):
        """A token: mostly one of the last that live, sometimes one that is revoked."""
        ids = self.ended if self.ended and self.random.random() < 0.25 else self.live
        return self.random.choice(ids[-300:]) if ids else None

    def judge(self, token_id, active, how):
        token = self.record.tokens[token_id]
        if active and token["state"] == "revoked":
            self.record.broken.append(f"{how} called the revoked token {token_id} good")

    def introspect(self):
        token_id = self.pick()
        if token_id is None:
            return self.issue()
        jwt = self.record.tokens[token_id]["jwt"]
        answer = self.timed("introspect", "POST", "/oauth2/introspect", "token=" + jwt,
                            ["Content-Type: application/x-www-form-urlencoded"])
        if answer.status == 200:
            self.judge(token_id, answer.json().get("active"), "introspection")

    def use(self):
        token_id = self.pick()
        if token_id is None:
            return self.issue()
        answer = self.timed("use", "GET", "/authz/forward", None,
                            ["X-Forwarded-Method: GET", "X-Forwarded-Uri: /a"],
                            token=self.record.tokens[token_id]["jwt"])
        self.judge(token_id, answer.status == 200, "/authz/forward")

    def revoke(self):
        live = [token_id for token_id in self.live[-100:]
                if self.record.tokens[token_id]["state"] == "active"]
        if not live:
            return self.issue()
        token_id = self.random.choice(live)
        self.record.tokens[token_id]["state"] = "unsure"
        answer = self.timed("revoke", "DELETE", "/api/v1/tokens/" + token_id)
        if answer.status == 204:
            self.record.tokens[token_id]["state"] = "revoked"
            self.live.remove(token_id)
            self.ended.append(token_id)
            self.judge_now(token_id)

    def judge_now(self, token_id):
        """The read that starts right after the acknowledgement."""
        answer = self.wire.ask("GET", "/authz/forward", token=self.record.tokens[token_id]["jwt"])
        self.judge(token_id, answer.status == 200, "a read right after the revocation")

    def suspend(self):
        identity = self.any_identity()
        if identity is None or len(self.record.identities) < 50:
            return
        mine = [token for token in self.record.tokens.items() if token[1]["identity"] == identity]
        before = {token_id: token["state"] for token_id, token in mine}
        self.record.identities[identity] = "unsure"
        for _, token in mine:
            token["state"] = "unsure"
        answer = self.timed("suspend", "POST", f"/api/v1/identities/{identity}/suspend", {"reason": "soak"})
        if answer.status != 200:
            return
        self.record.identities[identity] = "suspended"
        for token_id, token in mine:
            token["state"] = "revoked" if before[token_id] == "revoked" else "ended"

    def report(self):
        if len(self.observed) < 4:
            return self.register()
        identities = self.random.sample(self.observed[-100:], 4)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        batch = self.name()
        events = [{"id": f"{batch}-{i}", "time": at, "source": "soak", "identity_id": identities[i % 4],
                   "action": "api.call", "outcome": "success", "source_ip": "10.0.0.1",
                   "endpoint": f"/a/{i % 3}"} for i in range(EVENTS_OF_BATCH)]
        answer = self.timed("events", "POST", "/api/v1/events", events)
        if answer.status != 200:
            return
        told = answer.json()
        if told["accepted"] != EVENTS_OF_BATCH:
            self.record.broken.append(f"a fresh batch of events was answered {answer.body.decode()[:200]}")
            return
        self.record.accepted += EVENTS_OF_BATCH
        for event in events:
            kept = self.record.events.setdefault(event["identity_id"], [])
            kept.append(event)
            del kept[:-EVENTS_KEPT]

    def list(self):
        target = self.random.choice(["/api/v1/identities?limit=50", "/api/v1/monitoring/alerts?limit=50",
                                     "/api/v1/auth/tokens?limit=50", "/api/v1/audit/events?limit=50"])
        self.timed("list", "GET", target)

    def show(self):
        identity = self.any_identity()
        if identity is not None:
            what = self.random.choice(["", "", "/timeline?limit=20", "/metrics", "/risk"])
            self.timed("show", "GET", f"/api/v1/identities/{identity}{what}")

    def create_service(self):
        answer = self.timed("service-token", "POST", "/api/v1/auth/tokens",
                            {"token_name": self.name(), "permissions": ["api_read"]})
        if answer.status == 201:
            told = answer.json()
            self.record.services[told["id"]] = {"secret": told["token"], "state": "active"}

    def revoke_service(self):
        active = [key for key, token in self.record.services.items() if token["state"] == "active"]
        if not active:
            return
        token = self.record.services[token_id := self.random.choice(active[-50:])]
        token["state"] = "unsure"
        if self.timed("revoke", "DELETE", "/api/v1/auth/tokens/" + token_id).status == 204:
            token["state"] = "revoked"
            if self.wire.ask("GET", "/api/v1/auth/me", token=token["secret"]).status == 200:
                self.record.broken.append(f"the revoked service token {token_id} still opens")

    def read_stream(self):
        """From the start, and away again after some records."""
        topic = self.random.choice(["identity", "token", "alert"])
        follower = Wire(self.wire.port, self.wire.token)
        begun_s = time.monotonic()
        try:
            follower.open()
            follower.socket.sendall((f"GET /api/v1/streams/{topic} HTTP/1.1\r\nHost: soak\r\n"
                                     f"Authorization: Bearer {self.wire.token}\r\n\r\n").encode())
            status, _ = follower.read_head()
            self.record.timings.append(("stream", begun_s, (time.monotonic() - begun_s) * 1e3, status))
        except (OSError, ValueError) as error:
            raise Down(str(error)) from error
        finally:
            follower.close()

    def metrics(self):
        self.timed("me", "GET", "/api/v1/auth/me")


def work(number, seed, port, token, rate, stop, results):
    """A process of its own: what the interpreter of another load does is no latency of the node."""
    worker = Worker(number, seed, port, token, rate)
    try:
        worker.run(stop)
    finally:
        results.put(worker.record)
