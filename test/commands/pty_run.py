"""Runs a command in a pseudo-terminal of a given size; types what it is told once a pattern has shown. JSON in (argv), JSON out."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time

request = json.loads(sys.argv[1])
pid, master = pty.fork()
if pid == 0:
    os.chdir(request["cwd"])
    os.execvpe(request["command"][0], request["command"], request["env"])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, request["columns"], 0, 0))
shown = b""
pending = list(request["type"])
end = time.monotonic() + request["seconds"]
while time.monotonic() < end:
    ready, _, _ = select.select([master], [], [], 0.1)
    if ready:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    while pending and re.search(pending[0][0], shown.decode("utf8", "replace")):
        os.write(master, pending.pop(0)[1].encode())
else:
    os.kill(pid, 9)
_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
print(json.dumps({"code": code, "shown": shown.decode("utf8", "replace")}))
