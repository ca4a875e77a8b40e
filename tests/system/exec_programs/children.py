"""Children that write by themselves, into pipes, and read what they are given. Usage: children.py."""

import os
import subprocess
import sys

print("first the parent")
subprocess.run(["echo", "then the child"], check=True)
os.write(1, b"then the system call\n")
sys.stdout.buffer.write(b"then bytes, \xc3\xa9 among them\n")
sys.stdout.flush()
done = subprocess.run(["sh", "-c", "cat; exit 7"], input="given\n", capture_output=True, text=True, check=False)
print("caught:", done.stdout.strip(), done.returncode)
lines = subprocess.Popen(["sh", "-c", "echo one; echo two"], stdout=subprocess.PIPE, text=True)
assert lines.stdout is not None
for line in lines.stdout:
    print("line:", line.rstrip())
lines.wait()
os.system("echo and the shell last")
sys.exit(done.returncode)
