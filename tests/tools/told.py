"""Runs a command as if it were not there, and tells by a FIFO how it ended.

    told.py FIFO LOG COMMAND...

SIGTERM is passed on.  The command's standard error is added to LOG; FIFO gets a
line, its exit status or -SIGNAL.
"""
import os
import signal
import subprocess
import sys

process = None
signal.signal(signal.SIGTERM, lambda *_: process and process.terminate())
with open(sys.argv[2], 'a') as log:
    process = subprocess.Popen(sys.argv[3:], stderr=log)
status = process.wait()
os.write(os.open(sys.argv[1], os.O_WRONLY), b'%d\n' % status)
