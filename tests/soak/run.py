"""The soak itself: tests/soak.sh --help tells its options."""
import argparse
import json
import multiprocessing
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter

import report
from faults import Faults
from load import Record, work
from node import Disk, Node, snapshot
from wire import Down, Wire

SAMPLE_S, WORKERS, SETTLE_S = 5, 3, 20


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Run:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.program = snapshot(options.program, folder)
        self.disk = Disk(folder, 700 + 60 * int(options.minutes))
        with open(folder + "/soak.toml", "w", encoding="ascii") as file:
            file.write("[limits]\nfailed_authentications_per_second = 1000\n")
        self.node = Node(self.program, folder, self.disk.path + "/data", (free_port(), free_port()))
        self.samples, self.wrong, self.timings, self.imported = [], [], [], 0
        self.rest_at_start = self.rest_at_end = self.revokes_when_full = 0
        self.lag_s = None
        self.ended = threading.Event()

    def begin(self):
        self.node.start()
        self.token = self.node.token()
        self.faults = Faults(self.node, self.disk, self.options.seed, self.token)
        self.begun_s = time.monotonic()
        time.sleep(1)
        self.rest_at_start = self.node.sample()["descriptors"]

    def status(self):
        return Wire(self.node.port, self.token, 5).ask("GET", "/api/v1/system/status").json()

    def sample(self):
        """One line of figures; without those of the API when it does not answer."""
        figures = self.node.sample()
        if figures is None:
            return
        figures["at_s"] = time.monotonic() - self.begun_s
        try:
            parts = self.status()["partitions"]
        except (Down, TypeError, KeyError):
            parts = []
        if parts:
            total = {name: sum(part[name] for part in parts) for name in
                     ("journal_bytes", "rows_in_memory_bytes", "rows_on_disk_bytes", "waiting_commands",
                      "waiting_observation_bytes")}
            figures |= {"journal_mb": total["journal_bytes"] / 2**20,
                        "rows_memory_mb": total["rows_in_memory_bytes"] / 2**20,
                        "rows_disk_mb": total["rows_on_disk_bytes"] / 2**20,
                        "lag": total["waiting_commands"] + total["waiting_observation_bytes"]}
        self.samples.append(figures)

    def watch(self):
        while not self.ended.wait(SAMPLE_S):
            with self.faults.busy:
                if self.node.ended():
                    self.wrong.append(f"the node ended by itself (exit {self.node.process.returncode}):\n"
                                      + self.node.log_end())
                    self.node.start()
            self.sample()

    def import_now_and_then(self):
        """Other systems' logs: 1,000 lines each 15 s, by the command line."""
        environment = os.environ | {"WATCHWORD_URL": f"http://127.0.0.1:{self.node.port}",
                                    "WATCHWORD_TOKEN_FILE": self.folder + "/admin.token"}
        number = 0
        while not self.ended.wait(15):
            number += 1
            path = f"{self.folder}/import-{number}.jsonl"
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            with open(path, "w", encoding="ascii") as file:
                for line in range(1000):
                    file.write(json.dumps({"id": f"i{number}-{line}", "time": at, "source": "log",
                                           "subject": f"user{line % 40}@example.com", "action": "auth.login",
                                           "outcome": "success", "source_ip": "10.1.0.1"}) + "\n")
            begun_s = time.monotonic()
            done = subprocess.run([self.program, "import", "--format", "jsonl", "--quiet", path],
                                  env=environment, capture_output=True, check=False)
            self.timings.append(("import", begun_s, (time.monotonic() - begun_s) * 1e3,
                                 200 if done.returncode == 0 else 0))
            self.imported += 1000 if done.returncode == 0 else 0
            os.remove(path)

    def cause_faults(self):
        """Minute after minute; the last third is one life, so that a leak has time to show."""
        minutes, begun_s = self.options.minutes, time.monotonic()
        chance = random.Random(self.options.seed)
        for minute in range(int(minutes)):
            names = self.faults.round(kills=minute < minutes * 2 / 3)
            for number, name in enumerate(names):
                due_s = begun_s + 60 * (minute + (number + 1) / (len(names) + 0.5)) + chance.uniform(-1, 1)
                time.sleep(max(0.0, due_s - time.monotonic()))
                try:
                    self.faults.cause(name)
                except OSError as error:
                    self.wrong.append(f"{name} found the node not answering: {error}")
        time.sleep(max(0.0, begun_s + 60 * minutes - time.monotonic()))

    def load(self):
        stop, results = multiprocessing.Event(), multiprocessing.Queue()
        workers = [multiprocessing.Process(target=work, args=(
            number, self.options.seed, self.node.port, self.token, self.options.rate / WORKERS, stop, results))
            for number in range(WORKERS)]
        threads = [threading.Thread(target=self.watch), threading.Thread(target=self.import_now_and_then)]
        for one in workers + threads:
            one.start()
        try:
            self.cause_faults()
        finally:
            stop.set()
            self.records = [results.get(timeout=60) for _ in workers]
            self.await_no_lag()
            self.ended.set()
            for one in workers + threads:
                one.join()
        for record in self.records:
            self.timings += record.timings
            self.wrong += record.broken

    def await_no_lag(self):
        """Invariant 19: once faults and load stop, nothing waits any more."""
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + SETTLE_S:
            try:
                parts = self.status()["partitions"]
                if all(part["serving"] and part["waiting_commands"] + part["waiting_observation_bytes"] == 0
                       for part in parts):
                    self.lag_s = time.monotonic() - begun_s
                    return
            except (Down, TypeError, KeyError):
                pass
            time.sleep(0.05)
        self.wrong.append(f"something still waits {SETTLE_S} s after the load has stopped")

    def check_record(self):
        """Every acknowledged change, asked for after one more kill."""
        self.node.kill()
        self.faults.restarts_s.append(self.node.start())
        time.sleep(1)
        wire = Wire(self.node.port, self.token)
        missing, checked = [], 0
        for record in self.records:
            for check in (check_identities, check_tokens, check_services, check_events):
                count, absent = check(wire, record)
                checked += count
                missing += absent
        wire.close()
        time.sleep(1)
        self.rest_at_end = self.node.sample()["descriptors"]
        return checked, missing

    def count_revokes_when_full(self):
        full = [(begin, end) for begin, end, name in self.faults.windows if name == "full_disk"]
        self.revokes_when_full = sum(kind == "revoke" and status == 204 and
                                     any(begin + 1 < at_s < end for begin, end in full)
                                     for kind, at_s, _, status in self.timings)


def asked(wire, *what, **more):
    """A read may be refused for a moment, never for long."""
    until_s = time.monotonic() + 5
    while True:
        answer = wire.ask(*what, **more)
        if answer.status != 503 or time.monotonic() > until_s:
            return answer
        print(f"soak: asked again for {what[1]}: {answer.body.decode()}")
        time.sleep(0.1)


def check_identities(wire, record):
    absent = []
    for key, state in record.identities.items():
        answer = asked(wire, "GET", "/api/v1/identities/" + key)
        told = answer.json().get("status") if answer.status == 200 else None
        if told is None or (state == "suspended" and told != "suspended"):
            absent.append(f"identity {key}: {state}, now {answer.status} {told}")
    return len(record.identities), absent


def check_tokens(wire, record):
    absent = []
    for key, token in record.tokens.items():
        answer = asked(wire, "GET", "/api/v1/tokens/" + key)
        told = answer.json().get("status") if answer.status == 200 else None
        good = asked(wire, "POST", "/oauth2/introspect", "token=" + token["jwt"],
                        ["Content-Type: application/x-www-form-urlencoded"]).json().get("active")
        fresh = time.monotonic() - token["at_s"] < 3_000
        if (told is None or (token["state"] in ("revoked", "ended") and (told != "revoked" or good)) or
                (token["state"] == "active" and fresh and not good and told != "revoked")):
            absent.append(f"token {key}: {token['state']}, now {answer.status} {told}, active {good}")
    return len(record.tokens), absent


def check_services(wire, record):
    absent = []
    for key, token in record.services.items():
        opens = asked(wire, "GET", "/api/v1/auth/me", token=token["secret"]).status == 200
        if (token["state"] == "active") != opens and token["state"] != "unsure":
            absent.append(f"service token {key}: {token['state']}, opens {opens}")
    return len(record.services), absent


def check_events(wire, record):
    """Told again, in another order, each must be known."""
    absent, count = [], 0
    for identity, events in record.events.items():
        count += len(events)
        told = asked(wire, "POST", "/api/v1/events", events[::-1]).json()
        if told.get("accepted") != 0 or told.get("duplicates") != len(events):
            absent.append(f"events of {identity}: {len(events)} were accepted, now {told}")
    return count, absent


def tell(run, checked, missing, verified):
    out = print
    sent = sum(record.accepted for record in run.records) + run.imported
    commands = sum(status in (200, 201, 204) and kind in ("register", "issue", "revoke", "suspend", "service-token")
                   for kind, _, _, status in run.timings)
    journal = [sample["journal_mb"] for sample in run.samples if "journal_mb" in sample]
    grown = (journal[-1] - journal[0]) * 2**20 if journal else 0
    out(f"soak: {run.options.minutes} minutes, seed {run.options.seed}, {run.options.rate} requests a second asked, "
        f"{len(run.timings)} made, {sent} events and {commands} commands accepted")
    out(f"faults: {json.dumps(run.faults.counts)}; bad input was answered {json.dumps(run.faults.bad_statuses)}")
    out(f"restarts after kill -9: {len(run.faults.restarts_s)}, slowest {max(run.faults.restarts_s):.2f} s")
    report.print_slopes(run.samples, out)
    equal = [report.slope(report.at_equal_uptime(run.samples, "rss_mb", minute)) for minute in (0, report.WARM_MIN)]
    out(f"  RSS slope at equal uptime {equal[0]:+.2f} MB/min, {equal[1]:+.2f} from minute {report.WARM_MIN} on; late in "
        f"the last life {report.last_life_slope(run.samples):+.2f}")
    out(f"  descriptors at equal uptime {report.slope(report.at_equal_uptime(run.samples, 'descriptors')):+.2f} a minute; "
        f"at rest {run.rest_at_start} at the start, {run.rest_at_end} at the end")
    out(f"  journal: {grown / 2**20:.1f} MB grown, {grown / max(1, sent + commands):.0f} bytes for each accepted "
        f"event or command (uses included)")
    report.print_latencies(run.timings, run.faults.windows, out)
    report.print_statuses(run.timings, out)
    failures = sum((Counter(record.failures) for record in run.records), Counter())
    out(f"5xx by code: {json.dumps(failures)}")
    lag = [sample["lag"] for sample in run.samples if "lag" in sample]
    out(f"\nwaiting work: at most {max(lag, default=0)} (commands + bytes of observations) in a sample; "
        f"none left {run.lag_s if run.lag_s is None else round(run.lag_s, 2)} s after the load stopped")
    out(f"revocations acknowledged while the disk was full: {run.revokes_when_full}"
        + ("" if run.disk.mounted else " (skipped: no right to mount a disk)"))
    out(f"acknowledged and asked for again: {checked}, missing: {len(missing)}")
    out(f"replay verify: exit {verified.returncode}: {verified.stdout.strip().splitlines()[-1:]}")


def main():
    parser = argparse.ArgumentParser(prog="soak.sh")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=150)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="watchword-soak-")
    run = Run(options, folder)
    try:
        run.begin()
        run.load()
        run.count_revokes_when_full()
        checked, missing = run.check_record()
        run.wrong += [f"acknowledged and missing: {one}" for one in missing[:20]]
        if (code := run.node.stop()) != 0:
            run.wrong.append(f"the last stop ended with {code}")
        verified = subprocess.run([run.program, "replay", "verify", "--data", run.node.data],
                                  capture_output=True, text=True, check=False)
        if verified.returncode != 0:
            run.wrong.append("replay verify: " + verified.stdout + verified.stderr)
        tell(run, checked, missing, verified)
        wrong = report.verdict(run)
        for sentence in wrong:
            print("WRONG: " + sentence)
        print("soak: FAILED" if wrong else "soak: all as promised")
        return 1 if wrong else 0
    finally:
        if run.node.process and not run.node.ended():
            run.node.kill()
        run.disk.unmount()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
