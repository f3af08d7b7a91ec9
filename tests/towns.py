"""Makes unions, whole towns, and the money that they may spend: what tests/make.py puts people into."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.applications.path import Kind
from app.db.base import table_of
from app.db.database import Database
from app.db.sealing import Keyring
from app.db.statements import insertion
from app.db.transaction import Sight
from app.funds.tables import Budget, Fund
from app.kernel.ids import new_id
from app.organisations.tables import Organisation
from tests.people_and_places import NOW, TODAY, Guild, Town, unique

AMPLE_FEN = 10**13
"""More than any test spends."""


@dataclass(frozen=True)
class Towns:
    """Makes the places."""

    jobs: Database
    keyring: Keyring
    _statements: dict[Any, Any] = field(default_factory=dict)

    async def insert(self, model: Any, **values: Any) -> None:
        key = (model, tuple(values))
        if key not in self._statements:
            self._statements[key] = insertion(table_of(model), *values)
        async with self.jobs.begin(Sight("job")) as transaction:
            await transaction.run(self._statements[key], **values)

    async def union(
        self, level: str, parent: Guild | None = None, *, name: str | None = None, room_fen: int = AMPLE_FEN
    ) -> Guild:
        """`room_fen`: what a city may use for each kind of aid."""
        tier = "district" if level == "industry" else level
        union_id, code = new_id(), unique(f"{level[0].upper()}-")
        ancestors: dict[str, UUID | None] = dict(parent.ancestors) if parent else {}
        ancestors = {t: ancestors.get(t) for t in ("city", "district", "street", "unit")} | {tier: union_id}
        shown = name or f"{level}-{code[-4:]}工会"
        await self.insert(
            Organisation,
            id=union_id,
            created_at=NOW,
            code=code,
            name=shown,
            level=level,
            tier=tier,
            division_code="440507",
            parent_id=parent.id if parent else None,
            receives_unattached=False,
            **{f"{t}_id": ancestors[t] for t in ancestors},
        )
        union = Guild(union_id, code, shown, tier, ancestors)
        if level == "city" and room_fen:
            await self.fund(union, room_fen=room_fen)
        return union

    async def fund(self, home: Guild, *, source: str = "union", room_fen: int = 0, **given: Any) -> UUID:
        """Money of a union for every kind of aid; `room_fen`: what its own budget of each kind has of it."""
        fund_id, kinds = new_id(), list(given.pop("kinds", [kind.value for kind in Kind]))
        place = {f"{t}_id": home.ancestors[t] for t in home.ancestors}
        await self.insert(
            Fund,
            id=fund_id,
            created_at=NOW,
            code=unique("ZJ-"),
            organisation_id=home.id,
            **{
                "name": f"{source}资金",
                "source": source,
                "year": TODAY.year,
                "kinds": kinds,
                "categories": None,
                "archive_levels": ["national"] if source in ("central", "provincial") else None,
                "intent": "帮助困难职工" if source == "donation" else None,
                "carry_over_years": 0,
                "received_fen": room_fen * len(kinds),
                "allocated_fen": room_fen * len(kinds),
                "version": 1,
            }
            | place
            | given,
        )
        for kind in kinds if room_fen else ():
            await self.budget(fund_id, home, kind, room_fen)
        return fund_id

    async def budget(self, fund_id: UUID, home: Guild, kind: str, room_fen: int) -> UUID:
        budget_id = new_id()
        await self.insert(
            Budget, id=budget_id, created_at=NOW, fund_id=fund_id, organisation_id=home.id,
            organisation_name=home.name, kind=kind, year=TODAY.year, allocated_fen=room_fen, reserved_fen=0,
            committed_fen=0, spent_fen=0, **{f"{t}_id": home.ancestors[t] for t in home.ancestors},
        )  # fmt: skip
        return budget_id

    async def town(self, *, room_fen: int = AMPLE_FEN) -> Town:
        """`room_fen`: what its city may use for each kind of aid; 0: there is no money."""
        city = await self.union("city", room_fen=room_fen)
        districts = [await self.union("district", city) for _ in range(2)]
        streets = [await self.union("street", district) for district in districts]
        units = [await self.union("unit", street) for street in streets for _ in range(2)]
        return Town(city, tuple(districts), tuple(streets), tuple(units))
