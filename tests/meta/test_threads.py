"""Threads begin even where CPython refuses them their trace function; without this, most of these do not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CROWD = """
import sys, threading, time
if len(sys.argv) > 1:
    from tests.fakes.threads import begin_all_the_same
    begin_all_the_same()

class Slow:
    def __call__(self, *_): ...
    def __del__(self): time.sleep(0.0001)

threading.settrace(lambda *_: None)
threading.excepthook = sys.unraisablehook = lambda _: None
sys.setswitchinterval(1e-6)
began = []

def work():
    began.append(1)
    for _ in range(20):
        try:
            sys.settrace(Slow())
            sys.settrace(None)
        except RuntimeError:
            pass

threads = [threading.Thread(target=work) for _ in range(1_000)]
for each in threads: each.start()
for each in threads: each.join(5)
print(len(began))
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="newer versions set trace functions one by one")
def test_every_thread_begins() -> None:
    began = [
        int(
            subprocess.run(
                [sys.executable, "-c", CROWD, *more], cwd=ROOT, capture_output=True, check=True, timeout=100
            ).stdout
        )
        for more in ([], ["patient"])
    ]
    assert began[0] < began[1] == 1_000
