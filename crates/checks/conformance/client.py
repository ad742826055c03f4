"""What the Python clients share: streams to read come on standard input, what they said goes out."""

import json
import sys


def run(read):
    """Calls `read` with the address on each line, and prints its answer as a line of JSON."""
    for line in sys.stdin:
        try:
            said = read(line.strip())
        except Exception as failure:  # The client gave up: that is what is to be known.
            said = {"broke": f"{type(failure).__name__}: {failure}"}
        print(json.dumps(said), flush=True)
