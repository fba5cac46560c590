"""How a function is served: `gunicorn -c functions/gunicorn.conf.py 'functions_framework:create_app()'`.

functions-framework's own command cannot change gunicorn's grace time of 30 s, and Cloud Run kills after 10. The app is
the same; FUNCTION_SOURCE and FUNCTION_TARGET name the function.
"""

import signal
import sys
import threading
from types import FrameType
from typing import Any

from audiodup import wiring
from audiodup.errors import AudioDupError

try:
    # Wrong settings end the process here, before anything listens.
    settings = wiring.parts().settings
except AudioDupError as error:
    sys.exit(str(error))

bind = f"{settings.host}:{settings.port}"
# One process, so that the requests of an instance share statements, the byte budget and the places for fpcalc.
workers = 1
worker_class = "gthread"
# gunicorn 27 would write a socket into the home folder, which the image has none of and several instances would share.
control_socket_disable = True
threads = settings.threads
# Time-outs are the business of the steps: a worker killed for being slow would leave fpcalc behind.
timeout = 0
# Cloud Run leaves 10 s from SIGTERM to SIGKILL: requests that end within these finish.
graceful_timeout = 9
# What still decodes then is killed, and its request answered so that it is delivered again.
KILL_CHILDREN_AFTER = 7


def post_worker_init(_: Any) -> None:
    """Give batches and fpcalc an end when the instance is stopped."""
    previous = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        parts = wiring.parts()
        for seconds, step in ((0, parts.hurry), (KILL_CHILDREN_AFTER, parts.interrupt)):
            timer = threading.Timer(seconds, step)
            timer.daemon = True
            timer.start()
        if callable(previous):
            previous(number, frame)

    signal.signal(signal.SIGTERM, drain)
