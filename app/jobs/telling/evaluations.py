"""Who is told of evaluations: the two who evaluate, once there is something to score."""

from uuid import UUID

from app.db.work import Work
from app.jobs.telling import wording
from app.messaging.commands import Told, tell
from app.supervision.evaluations.queries import by_id


async def tell_evaluators(work: Work, fact: dict[str, str]) -> None:
    """Both, when the files are drawn."""
    row = await by_id(work.transaction, UUID(fact["evaluation_id"]))
    if row is None or fact["to_state"] != "drawn":
        return
    said = wording.of_evaluation(row["organisation_name"], row["first_day"], row["last_day"])
    people = (row["first_evaluator_id"], row["second_evaluator_id"])
    once = f"evaluation:{row['id']}"
    await tell(work, [Told(each, once, "evaluation", *said, "evaluation", row["id"]) for each in people])
