"""Access requests of gated repositories: the lists, decisions and grants of the owner's side."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from tests.support.hub_server.routes import API, Context, reply, route
from tests.support.hub_server.store import AccessRequest, Refusal, Repository

REQUESTS = f"{API}/user-access-request"
STATES = ("pending", "accepted", "rejected")


def gated(context: Context) -> Repository:
    repository = context.writable
    if not repository.gated:
        raise Refusal(400, "The repository is not gated")
    return repository


@route("GET", f"{REQUESTS}/<any({','.join(STATES)}):status>")
def requests(context: Context, status: str) -> Response:
    def row(request: AccessRequest) -> dict[str, Any]:
        user = {"user": request.user, "fullname": request.user, "email": f"{request.user}@x.org"}
        told = {"requestId": request.id, "status": request.status, "fields": request.fields}
        told |= {} if repository.hides_names else {"user": user}
        return {**told, "timestamp": request.timestamp}

    repository = gated(context)
    found = [asked for asked in repository.requests.values() if asked.status == status]
    return context.paged([row(asked) for asked in found])


@route("POST", f"{REQUESTS}/handle")
def handle(context: Context) -> Response:
    repository, asked = gated(context), context.call.json()
    if "user" in asked and asked["user"] not in context.store.users:
        raise Refusal(404, f"User {asked['user']} does not exist")
    wanted = {asked.get("user"), asked.get("requestId")} - {None}
    for request in repository.requests.values():
        if wanted & {request.user, request.id} and request.status != asked["status"]:
            break
    else:
        raise Refusal(404, f"No access request of {wanted} that is not {asked['status']}")
    if asked["status"] not in STATES or len(asked.get("rejectionReason", "")) > 200:
        raise Refusal(400, '"status" is unknown, or "rejectionReason" longer than 200 characters')
    request.status, request.reason = asked["status"], asked.get("rejectionReason")
    return reply({})


@route("POST", f"{REQUESTS}/grant")
def grant(context: Context) -> Response:
    repository, user = gated(context), context.call.json()["user"]
    if user not in context.store.users:
        raise Refusal(404, f"User {user} does not exist")
    if context.store.granted(user, repository):
        raise Refusal(400, f"User {user} already has access to the repository")
    request = repository.requests.setdefault(user, AccessRequest(user, {}))
    request.status = "accepted"
    return reply({})
