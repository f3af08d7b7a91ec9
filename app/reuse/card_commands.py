"""One bank card, two households: raised while it is so, cleared when the cause goes away. For the jobs, who see all."""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.db.statements import statement
from app.db.work import Work
from app.kernel.ids import new_id
from app.messaging.outbox import emit
from app.reuse.events import CardShared

# A card counts while money may go to it; two people are of one household while a living file names both.
_SHARED: Final = """
mine as (
  select c.number_index, c.number_masked, p.id, p.id_number_index, p.organisation_id
  from bank_card c join person p on p.id = c.person_id and p.closed_at is null
  where c.person_id = :person_id and c.state in ('current','pending')
), homes as (
  select m.id, hm.household_id from mine m
  join household_member hm on hm.id_number_index = m.id_number_index and hm.living
), shared as (
  select distinct on (o.id, m.number_index) m.number_index, m.number_masked, m.id as one_id, o.id as other_id,
    m.organisation_id as one_union, o.organisation_id as other_union
  from mine m join bank_card c on c.number_index = m.number_index and c.person_id <> m.id
    and c.state in ('current','pending')
  join person o on o.id = c.person_id and o.closed_at is null
  where o.id_number_index is distinct from m.id_number_index and not exists (
    select 1 from homes h join household_member hm on hm.household_id = h.household_id and hm.living
    where hm.id_number_index = o.id_number_index
  )
)"""
_FOUND = statement(
    text(
        f"""
        with {_SHARED}
        select s.*, (select h.number from household h where h.person_id = s.one_id and h.submitted_at is not null
            order by h.id desc limit 1) as one_number,
          (select h.number from household h where h.person_id = s.other_id and h.submitted_at is not null
            order by h.id desc limit 1) as other_number
        from shared s
        """  # noqa: S608 - a query of our own
    )
)
_RAISE = statement(
    text(
        """
        insert into card_alert as c (id, created_at, number_index, number_masked, person_a_id, person_b_id,
          organisation_a_id, organisation_b_id, household_a_number, household_b_number, state)
        values (:id, :now, :number_index, :number_masked, :person_a_id, :person_b_id, :organisation_a_id,
          :organisation_b_id, :household_a_number, :household_b_number, 'open')
        on conflict (person_a_id, person_b_id, number_index) do update set state = 'open', cleared_at = null,
          created_at = case when c.state = 'open' then c.created_at else excluded.created_at end,
          organisation_a_id = excluded.organisation_a_id, organisation_b_id = excluded.organisation_b_id,
          household_a_number = excluded.household_a_number, household_b_number = excluded.household_b_number
        returning c.id, c.created_at
        """
    )
)
_CLEAR = statement(
    text(
        """
        update card_alert set state = 'cleared', cleared_at = :now
        where state = 'open' and (person_a_id = :person_id or person_b_id = :person_id) and not id = any(
          cast(:still as uuid[]))
        """
    )
)


async def look_at_cards(work: Work, person_id: UUID) -> int:
    """Who else, outside the household, is paid to a card of this person; what is so no more is cleared. Twice is once.
    Answers how many share one."""
    still: list[UUID] = []
    for row in await work.transaction.rows(_FOUND, person_id=person_id):
        one = {"id": row["one_id"], "union": row["one_union"], "number": row["one_number"]}
        other = {"id": row["other_id"], "union": row["other_union"], "number": row["other_number"]}
        a, b = sorted((one, other), key=lambda each: each["id"])
        raised = await work.transaction.row(
            _RAISE,
            id=new_id(),
            now=work.now,
            number_index=row["number_index"],
            number_masked=row["number_masked"],
            **{f"person_{side}_id": each["id"] for side, each in (("a", a), ("b", b))},
            **{f"organisation_{side}_id": each["union"] for side, each in (("a", a), ("b", b))},
            **{f"household_{side}_number": each["number"] for side, each in (("a", a), ("b", b))},
        )
        assert raised is not None
        still.append(raised["id"])
        if raised["created_at"] == work.now:
            await emit(work, CardShared(raised["id"]))
    await work.transaction.run(_CLEAR, person_id=person_id, still=still, now=work.now)
    return len(still)
