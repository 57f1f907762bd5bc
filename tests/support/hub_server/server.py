"""From a socket to a handler and back: every request is logged, and may be made to fail."""

from __future__ import annotations

import socket
import struct
import threading
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from tests.support.hub_server import (  # noqa: F401 (they register their routes)
    access,
    files,
    repositories,
    uploads,
)
from tests.support.hub_server.faults import Rule
from tests.support.hub_server.log import Call
from tests.support.hub_server.routes import RULES, Context, refused
from tests.support.hub_server.store import Refusal, Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOST = "127.0.0.1"
ROUTES = Map(RULES, merge_slashes=False).bind("hub")


class Server:
    """Answers on one port, from `start` to `stop`.

    Args:
        port: Of the loopback interface.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.endpoint = f"http://{HOST}:{port}"
        self.store = Store(self.endpoint)
        self.page_size = 1000
        self.log: list[Call] = []
        self.rules: list[Rule] = []
        self.bugs: list[str] = []
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; connections are taken from now on."""
        with bound(self.port) as listener:
            listener.listen(128)
            self._http = Threads(HOST, self.port, self, Quiet, fd=listener.fileno())
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Stop listening: connections are refused from now on."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        call = self._arrived(request)
        drops = self._due(call, drops=True)
        if "half" in drops:
            request.stream.read((request.content_length or 0) // 2)
            hang_up(environ)
        call.received = request.get_data()
        answer = self._answered(call)
        if "reply" in drops:
            hang_up(environ)
        call.status, call.sent = answer.status_code, answer.get_data()
        return answer(environ, start)

    def _arrived(self, request: Request) -> Call:
        raw = str(request.environ["RAW_URI"]).split("?")[0]
        call = Call(request.method, unquote(raw), raw, request.args, headers=dict(request.headers))
        if token := request.headers.get("Authorization", "").removeprefix("Bearer "):
            call.user, call.scope = self.store.tokens.get(token, (None, "unknown"))
        with self._lock:
            self.log.append(call)
        return call

    def _due(self, call: Call, drops: bool) -> list[Any]:
        """What the rules have in store for a request: drops, or the other things."""
        with self._lock:
            return [
                r.what for r in self.rules if isinstance(r.what, str) == drops and r.applies(call)
            ]

    def _answered(self, call: Call) -> Response:
        try:
            for what in self._due(call, drops=False):
                if isinstance(what, Refusal):
                    return refused(what)
                what()
            with self._lock:
                return self._handled(call)
        except Refusal as refusal:
            return refused(refusal)
        except Exception:
            self.bugs.append(f"{call.method} {call.path}\n{traceback.format_exc()}")
            return refused(Refusal(500, "The Hub of the tests has a bug"))

    def _handled(self, call: Call) -> Response:
        if call.scope == "unknown":
            raise Refusal(401, "Invalid username or password.")
        try:
            handler, parts = ROUTES.match(call.raw, call.method)
        except HTTPException as error:
            raise Refusal(error.code or 404, f"No route {call.method} {call.path}") from None
        parts = {key: unquote(part) for key, part in parts.items()}
        kind = parts.pop("kind", "models").removesuffix("s")
        name = f"{parts.pop('space', '')}/{parts.pop('name', '')}"
        context = Context(self.store, call, self.page_size, kind, name)
        answer: Response = handler(context, **parts)
        self.store.watch()
        return answer


class Threads(ThreadedWSGIServer):
    """Closing it waits for the answers under way."""

    daemon_threads = False


class Quiet(WSGIRequestHandler):
    """One request per connection, and no talk."""

    protocol_version = "HTTP/1.0"
    timeout = 60

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


def bound(port: int = 0) -> socket.socket:
    """A socket on a loopback port (a free one for 0) that another of these may share."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind((HOST, port))
    return reserved


def hang_up(environ: WSGIEnvironment) -> None:
    """Reset the connection of a request.

    Raises:
        ConnectionError: Always; the server forgets the request.
    """
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionError("dropped on demand")
