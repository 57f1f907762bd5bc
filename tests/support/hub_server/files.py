"""Files: their listing and their contents."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from werkzeug.http import parse_range_header
from werkzeug.wrappers import Response

from tests.support.hub_server.routes import API, Context, reply, route
from tests.support.hub_server.store import Commit, File, Refusal


def described(path: str, file: File, oid: str = "oid") -> dict[str, Any]:
    """A file without its content; `oid` is the key of git's hash."""
    told: dict[str, Any] = {"type": "file", "path": path, "size": len(file.content)}
    told[oid] = file.git_oid
    if file.large:
        size = len(file.content)
        told["lfs"] = {"oid": file.oid, "sha256": file.oid, "size": size}
        told["lfs"]["pointerSize"] = len(file.pointer)
    return told


def entries(commit: Commit) -> dict[str, dict[str, Any]]:
    """Every file and folder of a commit by path, in order."""
    found = {path: described(path, file) for path, file in commit.files.items()}
    for path in commit.files:
        for end, letter in enumerate(path):
            if letter == "/":
                folder = path[:end]
                found[folder] = {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40}
    return dict(sorted(found.items()))


@route("GET", f"{API}/tree/<revision>", f"{API}/tree/<revision>/<path:folder>")
def tree(context: Context, revision: str, folder: str = "") -> Response:
    commit = context.opened.at(revision)
    start = f"{folder.strip('/')}/" if folder else ""
    found = {path: row for path, row in entries(commit).items() if path.startswith(start)}
    if start and not found:
        raise Refusal(404, f'{folder} does not exist on "{revision}"', "EntryNotFound")
    if context.call.query.get("recursive", "").lower() not in ("true", "1"):
        found = {path: row for path, row in found.items() if "/" not in path[len(start) :]}
    return context.paged([*found.values()])


@route("POST", f"{API}/paths-info/<revision>")
def paths_info(context: Context, revision: str) -> Response:
    """Of those that are there; the others are left out."""
    known = entries(context.opened.at(revision))
    paths = parse_qs(context.call.received.decode()).get("paths", [])
    return reply([known[path] for path in paths if path in known])


@route(
    "GET",
    "/<any(datasets,spaces):kind>/<space>/<name>/resolve/<revision>/<path:path>",
    "/<space>/<name>/resolve/<revision>/<path:path>",
)
def content(context: Context, revision: str, path: str) -> Response:
    """A file, or a range of it."""
    repository, call = context.opened, context.call
    commit = repository.at(revision)
    file = commit.files.get(path)
    if file is None:
        headers = {"X-Repo-Commit": commit.oid}
        raise Refusal(404, "Entry not found", "EntryNotFound", **headers)
    size, sent = len(file.content), file.content
    answer = Response(mimetype="application/octet-stream")
    if (wanted := parse_range_header(call.headers.get("Range"))) is not None:
        span = wanted.range_for_length(size)
        if span is None:
            raise Refusal(416, "Range Not Satisfiable", **{"Content-Range": f"bytes */{size}"})
        sent, answer.status_code = file.content[slice(*span)], 206
        answer.headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{size}"
    answer.headers["ETag"] = f'"{file.oid}"'
    answer.headers["X-Repo-Commit"] = commit.oid
    answer.headers["Accept-Ranges"] = "bytes"
    if call.method == "HEAD":
        answer.headers["Content-Length"] = str(len(sent))
        return answer
    answer.set_data(sent)
    context.store.sent(repository, path, call.user)
    return answer
