"""Finding the cases at whose stage everybody must stand aside, for the queue of the level above. For jobs.

Who is related to whom changes with every file, post and declaration, and few cases are concerned: those of staff, of
their households and of their relatives, and those that they helped with. So they are looked for from time to time,
beginning with the staff; the step itself asks anew (`post_above`).
"""

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from app.applications.lifting.queries import is_stuck
from app.applications.lifting.tables import LiftedStage
from app.applications.queries import A
from app.applications.recusal import levels_above, permission_at, roles_with
from app.db.base import table_of
from app.db.statements import statement
from app.db.transaction import Record
from app.db.work import Work
from app.kernel.actor import Permission
from app.kernel.ids import new_id

L = table_of(LiftedStage)
BATCH: Final = 200
"""How many members of staff one transaction looks at."""
NOBODY: Final = UUID(int=0)
_STAFF = statement(
    text(
        """
        select distinct person_id from post
        where ended_at is null and person_id > cast(:after as uuid) order by person_id limit cast(:size as int)
        """
    )
)
_TIERS = ("city_id", "district_id", "street_id", "unit_id")
_COLUMNS = "a.id, a.version, a.kind, a.state, a.city_id, a.district_id, a.street_id, a.unit_id"
_STATES = "('submitted','unit_review','district_review')"
_CONCERNED = statement(
    text(
        f"""
        with away as materialized (
          select distinct cast(jsonb_array_elements_text(kept_apart_from(s.id) -> 'away') as uuid) as id
          from unnest(cast(:staff as uuid[])) as s (id)
        )
        select {_COLUMNS} from away join application a on a.applicant_id = away.id where a.state in {_STATES}
        union
        select {_COLUMNS} from away join application a on a.household_id = away.id
        where a.submitted_at is not null and a.state in {_STATES}
        union
        select {_COLUMNS} from unnest(cast(:staff as uuid[])) as s (id)
        join application a on a.applicant_id = s.id where a.state in {_STATES}
        union
        select {_COLUMNS} from (
          select id from unnest(cast(:staff as uuid[])) as s (id)
          union
          select cast(jsonb_array_elements_text(kept_apart_from(s.id) -> 'near') as uuid)
          from unnest(cast(:staff as uuid[])) as s (id)
        ) helper join passage h on h.person_id = helper.id and h.action = 'assist'
        join application a on a.id = h.application_id and a.round = h.round where a.state in {_STATES}
        """  # noqa: S608 - our own columns and states; every value is a parameter
    )
)
_LIFTED = statement(
    select(A.c.id, A.c.version, A.c.kind, A.c.state, *(A.c[tier] for tier in _TIERS)).join(
        L, L.c.application_id == A.c.id
    )
)
_INSERT = insert(L).values({column.name: bindparam(column.name, type_=column.type) for column in L.c})
_LIFT = statement(
    _INSERT.on_conflict_do_update(
        index_elements=[L.c.application_id],
        set_={name: _INSERT.excluded[name] for name in ("version", "roles", *_TIERS)},
    )
)
_SETTLE = statement(delete(L).where(L.c.application_id == bindparam("asked")))


async def lift_batch(work: Work, after: UUID) -> UUID | None:
    """Look at the cases of those who are related to some of the staff, or whom these or somebody near to them helped;
    where to go on."""
    staff = [row["person_id"] for row in await work.transaction.rows(_STAFF, after=after, size=BATCH)]
    for row in await work.transaction.rows(_CONCERNED, staff=staff):
        await _look_at(work, row)
    return staff[-1] if len(staff) == BATCH else None


async def settle(work: Work) -> None:
    """Look again at what was lifted: it may have moved on, or somebody there may be free by now."""
    for row in await work.transaction.rows(_LIFTED):
        await _look_at(work, row)


async def _look_at(work: Work, row: Record) -> None:
    level = await _level_of(work, row)
    if level is None:
        await work.transaction.run(_SETTLE, asked=row["id"])
        return
    lifted = {name: row[name] for name in ("version", *_TIERS)}
    await work.transaction.run(
        _LIFT, id=new_id(), created_at=work.now, application_id=row["id"], roles=roles_with(level), **lifted
    )


async def _level_of(work: Work, row: Record) -> Permission | None:
    """The level that takes the case over: the nearest at which not everybody must stand aside."""
    at_stage = permission_at(row["kind"], row["state"])
    if at_stage is None or not await is_stuck(work.transaction, row["id"], at_stage, work.today):
        return None
    for level in levels_above(row["kind"], at_stage):
        if not await is_stuck(work.transaction, row["id"], level, work.today):
            return level
    return None
