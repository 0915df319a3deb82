"""Runs argv[3:] in a pseudo-terminal and closes that once the file argv[1] holds the text argv[2] (at once, where that is empty)."""

import os
import pty
import select
import sys
import time

path, text, *command = sys.argv[1:]
pid, master = pty.fork()
if pid == 0:
    os.execvp(command[0], command)


def holds() -> bool:
    try:
        with open(path, encoding="utf8") as file:
            return text in file.read()
    except OSError:
        return False


end = time.monotonic() + 120
while not holds() and time.monotonic() < end and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
    if select.select([master], [], [], 0.05)[0]:
        try:
            os.read(master, 65536)
        except OSError:
            break
closed = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
os.close(master)
_, status = os.waitpid(pid, 0)
print(closed, os.waitstatus_to_exitcode(status))
