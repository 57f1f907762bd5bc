"""Uploads: how to send each file, LFS contents, commits."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from werkzeug.wrappers import Response

from tests.support.hub_server.routes import API, Context, reply, route
from tests.support.hub_server.store import LFS_SUFFIXES, Commit, File, Refusal, Repository

GIT = "/<space>/<name>.git/info/lfs/objects"
MAX_REGULAR = 10 * 2**20


def proposed(context: Context) -> Repository:
    """The repository of an upload: a pull request needs no right to write."""
    if "create_pr" in context.call.query:
        context.signed_in()
        return context.opened
    return context.writable


def is_large(path: str, size: int, sample: bytes) -> bool:
    return path.endswith(LFS_SUFFIXES) or size > MAX_REGULAR or b"\0" in sample


@route("POST", f"{API}/preupload/<revision>")
def preupload(context: Context, revision: str) -> Response:
    commit = proposed(context).at(revision)

    def row(asked: dict[str, Any]) -> dict[str, Any]:
        large = is_large(asked["path"], asked["size"], base64.b64decode(asked["sample"]))
        there = commit.files.get(asked["path"])
        told = {"path": asked["path"], "uploadMode": "lfs" if large else "regular"}
        return told | {"shouldIgnore": False, "oid": there and there.oid}

    return reply({"files": [row(asked) for asked in context.call.json()["files"]]})


@route("POST", f"{GIT}/batch", f"/<any(datasets,spaces):kind>{GIT}/batch")
def batch(context: Context) -> Response:
    """Where to send each content; one that is stored already needs no sending."""
    repository = context.opened
    context.signed_in()
    rows = []
    for asked in context.call.json()["objects"]:
        row = {"oid": asked["oid"], "size": asked["size"]}
        if asked["oid"] not in repository.objects:
            ticket = secrets.token_urlsafe()
            context.store.uploads[ticket] = (repository, asked["oid"], asked["size"])
            verify = f"{context.store.endpoint}/{repository.page}.git/info/lfs/objects/verify"
            upload = {"href": f"{context.store.endpoint}/lfs/{ticket}"}
            row["actions"] = {"upload": upload, "verify": {"href": verify}}
        rows.append(row)
    return reply({"transfer": "basic", "objects": rows})


@route("PUT", "/lfs/<ticket>")
def put(context: Context, ticket: str) -> Response:
    """Take a content; the address is the proof of the right to send it."""
    if ticket not in context.store.uploads:
        raise Refusal(403, "No such upload")
    repository, oid, size = context.store.uploads[ticket]
    body = context.call.received
    if len(body) != size or hashlib.sha256(body).hexdigest() != oid:
        raise Refusal(400, f"The content is not {oid} of {size} bytes")
    repository.objects[oid] = body
    return Response()


@route("POST", f"{GIT}/verify", f"/<any(datasets,spaces):kind>{GIT}/verify")
def verify(context: Context) -> Response:
    asked, repository = context.call.json(), context.opened
    if len(repository.objects.get(asked["oid"], b"")) != asked["size"]:
        raise Refusal(404, f"Object {asked['oid']} was not uploaded")
    return reply({})


def applied(repository: Repository, files: dict[str, File], key: str, value: Any) -> None:
    """Change `files` by one line of a commit."""
    path = value["path"].strip("/")
    if key == "file":
        files[path] = File(base64.b64decode(value["content"]), False)
    elif key == "lfsFile":
        if value["oid"] not in repository.objects:
            raise Refusal(400, f"LFS pointer of {path} pointed to a file that does not exist")
        files[path] = File(repository.objects[value["oid"]], True)
    elif key in ("deletedFile", "deletedFolder"):
        gone = [path] if key == "deletedFile" else [f for f in files if f.startswith(f"{path}/")]
        if not gone or not {*gone} <= {*files}:
            raise Refusal(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        for name in gone:
            del files[name]
    else:
        raise Refusal(400, f"Unknown operation {key!r}")


def committed(
    repository: Repository, base: Commit, lines: list[dict[str, Any]], author: str
) -> Commit:
    """A commit on `base`, of the lines after the header; no branch is moved."""
    files, header = dict(base.files), lines[0]["value"]
    for line in lines[1:]:
        applied(repository, files, line["key"], line["value"])
    return repository.add(base.oid, header["summary"], header["description"], author, files)


@route("POST", f"{API}/commit/<revision>")
def commit(context: Context, revision: str) -> Response:
    """All of it or nothing, on the parent that was named or not at all."""
    repository, propose = proposed(context), "create_pr" in context.call.query
    if revision not in {**repository.branches, **repository.pulls} and not propose:
        raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
    base = repository.at(revision)
    lines = [json.loads(line) for line in context.call.received.splitlines()]
    if lines[0]["value"].get("parentCommit", base.oid) != base.oid:
        raise Refusal(412, "A commit has happened since. Please refresh and try again.")
    new = committed(repository, base, lines, context.signed_in())
    page = f"{context.store.endpoint}/{repository.page}"
    answer = {"success": True, "commitOid": new.oid, "commitUrl": f"{page}/commit/{new.oid}"}
    if propose:
        number = len(repository.pulls) + 1
        revision = f"refs/pr/{number}"
        answer["pullRequestUrl"] = f"{page}/discussions/{number}"
    repository.move(revision, new.oid)
    return reply(answer)
