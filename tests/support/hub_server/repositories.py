"""Users and repositories: who am I, create, look at, set up, branch, tag, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml
from werkzeug.wrappers import Response

from tests.support.hub_server.files import described
from tests.support.hub_server.routes import API, Context, reply, route
from tests.support.hub_server.store import Commit, Refusal, Repository, prefix

LICENCES = (
    "apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0", "cc-by-nc-nd-4.0", "unknown", "other",
)  # fmt: skip


def front_matter(text: str) -> Any:
    """The YAML at the head of a card; None without it."""
    parts = text.split("---\n")
    return yaml.safe_load(parts[1]) if text.startswith("---\n") and len(parts) > 2 else None


@route("GET", "/api/whoami-v2")
def whoami(context: Context) -> Response:
    if (user := context.call.user) is None:
        raise Refusal(401, "Invalid username or password.")
    orgs = [
        {"type": "org", "name": name, "fullname": name, "roleInOrg": roles[user]}
        for name, roles in context.store.organisations.items()
        if user in roles
    ]
    token = {"displayName": "tests", "role": context.call.scope}
    auth = {"type": "access_token", "accessToken": token}
    return reply(
        {"type": "user", "id": user, "name": user, "fullname": user, "orgs": orgs, "auth": auth}
    )


@route("POST", "/api/repos/create")
def create(context: Context) -> Response:
    asked, user = context.call.json(), context.signed_in()
    kind, space = asked.get("type") or "model", asked.get("organization") or user
    name = f"{space}/{asked['name']}"
    answer = {"url": f"{context.store.endpoint}/{prefix(kind)}{name}", "name": name}
    if context.store.role(user, space) not in ("admin", "write"):
        said = f'You don\'t have the rights to create a {kind} under the namespace "{space}"'
        raise Refusal(403, said)
    if (kind, name) in context.store.repositories:
        said = f"You already created this {kind} repo"
        answered = reply(answer | {"error": said}, 409)
        answered.headers["X-Error-Message"] = said
        return answered
    private = asked.get("private", asked.get("visibility") == "private")
    context.store.repositories[kind, name] = Repository(name, kind, bool(private), user)
    return reply(answer)


@route("DELETE", "/api/repos/delete")
def delete(context: Context) -> Response:
    asked = context.call.json()
    kind, space = asked.get("type") or "model", asked.get("organization") or context.call.user
    named = replace(context, kind=kind, id=f"{space}/{asked['name']}")
    del context.store.repositories[kind, named.writable.id]
    return reply({})


@route("PUT", f"{API}/settings")
def settings(context: Context) -> Response:
    repository, asked = context.writable, context.call.json()
    if "gated" in asked:
        if asked["gated"] not in ("auto", "manual", False):
            raise Refusal(400, '"gated" must be one of [auto, manual, false]')
        repository.gated = asked["gated"]
    if "visibility" in asked or "private" in asked:
        repository.private = asked.get("private", asked.get("visibility") == "private")
    return reply({"gated": repository.gated, "private": repository.private})


@route("GET", API, f"{API}/revision/<revision>")
def info(context: Context, revision: str = "main") -> Response:
    """Open to whoever may know of the repository, gated or not; so are the names of its files."""
    repository, query = context.found, context.call.query
    commit = repository.at(revision)
    blobs = "blobs" in query
    siblings = [
        {"rfilename": path} | (described(path, file, "blobId") if blobs else {})
        for path, file in sorted(commit.files.items())
    ]
    card = commit.files.get("README.md")
    told = {
        "_id": repository.id,
        "id": repository.id,
        "author": repository.id.split("/")[0],
        "sha": commit.oid,
        "private": repository.private,
        "gated": repository.gated,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "createdAt": repository.created,
        "lastModified": commit.date,
        "siblings": siblings,
        "cardData": card and front_matter(card.content.decode()),
    }
    wanted = query.getlist("expand") or query.getlist("expand[]")
    return reply({key: told[key] for key in told if not wanted or key in ("_id", "id", *wanted)})


@route("GET", "/<any(datasets,spaces):kind>/<space>/<name>", "/<space>/<name>")
def page(context: Context) -> Response:
    """What a browser shows; of a gated repository too."""
    card = context.found.files().get("README.md", b"")
    return Response(card, mimetype="text/plain")


@route("GET", f"{API}/auth-check")
def may_read(context: Context) -> Response:
    return reply({"id": context.opened.id})


@route("GET", f"{API}/auth-check/write")
def may_write(context: Context) -> Response:
    return reply({"id": context.writable.id})


@route("GET", f"{API}/refs")
def refs(context: Context) -> Response:
    repository = context.opened

    def rows(refs: dict[str, str], start: str) -> list[dict[str, str]]:
        return [
            {"name": name.removeprefix("refs/"), "ref": f"{start}{name}", "targetCommit": oid}
            for name, oid in refs.items()
        ]

    told = {"branches": rows(repository.branches, "refs/heads/"), "converts": []}
    told["tags"] = rows(repository.tags, "refs/tags/")
    if "include_prs" in context.call.query:
        told["pullRequests"] = rows(repository.pulls, "")
    return reply(told)


@route("GET", f"{API}/commits/<revision>")
def commits(context: Context, revision: str) -> Response:
    repository = context.opened

    def row(commit: Commit) -> dict[str, Any]:
        authors = [{"user": commit.author}]
        told = {"id": commit.oid, "title": commit.title, "message": commit.message}
        return {**told, "authors": authors, "date": commit.date}

    return context.paged([*map(row, repository.ancestors(repository.at(revision).oid))])


@route("POST", f"{API}/tag/<revision>")
def tag(context: Context, revision: str) -> Response:
    repository, name = context.writable, context.call.json()["tag"]
    if name in repository.tags:
        raise Refusal(409, f"Tag reference exists already: {name}")
    repository.tags[name] = repository.at(revision).oid
    return reply({}, 201)


@route("DELETE", f"{API}/tag/<name_of_tag>")
def untag(context: Context, name_of_tag: str) -> Response:
    if context.writable.tags.pop(name_of_tag, None) is None:
        raise Refusal(404, f"Invalid rev id: {name_of_tag}", "RevisionNotFound")
    return Response(status=204)


@route("POST", f"{API}/branch/<branch>")
def create_branch(context: Context, branch: str) -> Response:
    repository = context.writable
    if branch in repository.branches:
        raise Refusal(409, f"Reference already exists: {branch}")
    start = context.call.json().get("startingPoint", "main")
    repository.branches[branch] = repository.at(start).oid
    return reply({}, 201)


@route("DELETE", f"{API}/branch/<branch>")
def delete_branch(context: Context, branch: str) -> Response:
    if context.writable.branches.pop(branch, None) is None:
        raise Refusal(404, f"Invalid rev id: {branch}", "RevisionNotFound")
    return Response(status=204)


@route("POST", "/api/validate-yaml")
def validate_yaml(context: Context) -> Response:
    """Refuses what is no YAML, and licences that the Hub has no name for."""
    errors = []
    try:
        data = front_matter(context.call.json()["content"])
    except yaml.YAMLError as error:
        data, errors = {}, [{"message": f"Invalid YAML: {error}"}]
    said = {"message": "empty or missing yaml metadata in repo card"}
    warnings = [] if data or errors else [said]
    named = (data or {}).get("license", "unknown")
    for licence in named if isinstance(named, list) else [named]:
        if licence not in LICENCES:
            errors.append({"message": f'"license" must be one of {list(LICENCES)}: {licence}'})
    return reply({"errors": errors, "warnings": warnings}, 400 if errors else 200)
