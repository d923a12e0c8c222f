"""Run one process and print what it took: by itself, for a child counts its parent's memory.

    python -I -S benchmarks/_process.py [--until-ready] WORD...

Prints seconds, processor seconds, most bytes and exit status. With --until-ready, the time is that
until the process has printed a line that ends an object; then it is told to end.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time


def main(words: list[str]) -> None:
    until_ready = words[0] == "--until-ready"
    started, seconds = time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(words[until_ready:], stdout=subprocess.PIPE, stderr=errors)
        for line in process.stdout or ():
            if until_ready and line.rstrip() == b"}":
                seconds = time.perf_counter() - started
                process.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = seconds or time.perf_counter() - started
        if process.returncode:
            errors.seek(0)
            sys.stderr.write(errors.read().decode()[-2000:])
    print(seconds, used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss)
    sys.exit(process.returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
