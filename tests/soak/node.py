"""The node under test: a process, its folder, on a disk of its own where this machine lets us have one."""
import json
import os
import shutil
import signal
import subprocess
import time

READY_S = 30


class Disk:
    """A small file system in a file, so that it can be full; without the right to mount, a plain folder."""

    def __init__(self, folder, megabytes):
        self.path, self.mounted = folder + "/disk", False
        os.makedirs(self.path)
        image = folder + "/disk.img"
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], capture_output=True, check=False)
        if made.returncode == 0:
            mounted = subprocess.run(["mount", "-o", "loop", image, self.path], capture_output=True,
                                     check=False)
            self.mounted = mounted.returncode == 0

    def fill(self):
        with open(self.path + "/filler", "ab") as file:
            for size in (1 << 24, 1 << 20, 1 << 16, 1 << 12):
                try:
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)
                except OSError:
                    pass

    def free(self):
        if os.path.exists(self.path + "/filler"):
            os.remove(self.path + "/filler")

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=False)


class Node:
    def __init__(self, program, folder, data, ports):
        self.program, self.folder, self.data = program, folder, data
        self.port, self.admin_port = ports
        self.log = folder + "/node.log"
        self.process, self.started_s, self.life = None, 0.0, 0

    def start(self):
        """Seconds until it serves."""
        begun_s = time.monotonic()
        arguments = [self.program, "dev", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
                     "--admin-listen", f"127.0.0.1:{self.admin_port}", "--partitions", "2",
                     "--admin-token-file", self.folder + "/admin.token",
                     "--config", self.folder + "/soak.toml"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the node did not start (exit {self.process.wait(READY_S)}):\n" + self.log_end())
        json.loads(line)
        self.started_s, self.life = time.monotonic(), self.life + 1
        return self.started_s - begun_s

    def token(self):
        with open(self.folder + "/admin.token", encoding="ascii") as file:
            return file.read().strip()

    def log_end(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-10:])

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def ended(self):
        return self.process.poll() is not None

    def sample(self):
        """What /proc tells; None when it has just ended."""
        try:
            root = f"/proc/{self.process.pid}"
            with open(root + "/status", encoding="ascii") as file:
                status = dict(line.split(":", 1) for line in file)
            return {"uptime_s": time.monotonic() - self.started_s, "life": self.life,
                    "rss_mb": int(status["VmRSS"].split()[0]) / 1024,
                    "threads": int(status["Threads"]), "descriptors": len(os.listdir(root + "/fd"))}
        except (OSError, KeyError):
            return None


def snapshot(program, folder):
    """The program as it is now: a build that goes on meanwhile must not change it under the run."""
    return shutil.copy2(program, folder + "/watchword")
