"""Start a turn, and see what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from travelbuddy.api.access import CallerDep, OwnerDep
from travelbuddy.api.deps import FollowingDep, ServicesDep, TurnsDep, let_in
from travelbuddy.api.document import BODY, accepted_answer, problems
from travelbuddy.api.schemas import InstanceId, Started, StartWorkflow
from travelbuddy.incoming import Incoming
from travelbuddy.turns import Accepted
from travelbuddy.views import TurnView

router = APIRouter(tags=["workflows"])

IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=255, description="the same key is the same turn")
]


@router.post("/start-workflow", status_code=202, responses={202: accepted_answer(), **problems(*BODY, 403, 404, 409)})
async def start_workflow(
    body: StartWorkflow,
    request: Request,
    response: Response,
    caller: CallerDep,
    services: ServicesDep,
    idempotency_key: IdempotencyKey = None,
) -> Started:
    """Accept a task; it becomes one turn of the session, after those accepted before it."""
    user_id = caller.acts_as(body.user_id) or "default"
    accepted = await let_in(
        services,
        caller,
        Incoming(
            user_id=user_id,
            session_id=body.session(user_id),
            text=body.task,
            key=idempotency_key,
            if_busy=body.if_busy,
            door="start-workflow",
        ),
    )
    answer = started(request, accepted)
    response.headers["Location"] = answer.status_url
    return answer


def started(request: Request, accepted: Accepted) -> Started:
    """The answer to an accepted message that is not waited for."""
    url = str(request.url_for("get_workflow", instance_id=accepted.turn_id))
    return Started(workflow_instance_id=accepted.turn_id, session_id=accepted.session_id, status_url=url)


TurnId = Annotated[InstanceId, Path()]


@router.get("/workflows/{instance_id}", responses=problems(404))
async def get_workflow(instance_id: TurnId, turns: TurnsDep, following: FollowingDep, owner: OwnerDep) -> TurnView:
    """The turn's status, progress, queue position, reply and timeline; also after the engine has forgotten it.

    Before its end the timeline has the finished steps, where this replica runs the turn or somebody follows it here.
    """
    return following.with_steps(await turns.view(instance_id, owner))


@router.post("/workflows/{instance_id}/pause", responses=problems(404, 409))
async def pause_workflow(instance_id: TurnId, turns: TurnsDep, following: FollowingDep, owner: OwnerDep) -> TurnView:
    """Hold the turn before its next step; a step under way is finished. The session waits with it."""
    following.held(view := await turns.pause(instance_id, owner))
    return following.with_steps(view)


@router.post("/workflows/{instance_id}/resume", responses=problems(404, 409))
async def resume_workflow(instance_id: TurnId, turns: TurnsDep, following: FollowingDep, owner: OwnerDep) -> TurnView:
    """Let a paused turn go on."""
    following.held(view := await turns.resume(instance_id, owner))
    return following.with_steps(view)


@router.post("/workflows/{instance_id}/cancel", responses=problems(404, 409))
async def cancel_workflow(instance_id: TurnId, turns: TurnsDep, owner: OwnerDep) -> TurnView:
    """End the turn, also while the model is being asked, and let the session's next one begin at once."""
    return await turns.cancel(instance_id, owner)
