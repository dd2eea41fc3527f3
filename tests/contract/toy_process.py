"""`python -m tests.contract.toy_process settings.json`: the toy service in a process that eventlet has to itself."""

import importlib
import sys

import eventlet

if __name__ == "__main__":
    eventlet.monkey_patch()
    sys.exit(importlib.import_module("tests.contract.toy_service").main(sys.argv[1]))
