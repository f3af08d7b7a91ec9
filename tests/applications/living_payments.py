"""Paying what was approved in a life of applications: batches on their way, and what a bank says, at any time."""

from app.applications.path import Action
from app.kernel.actor import Permission
from tests.applications.living import Acting, told_of
from tests.applications.story import Row, Story
from tests.make import Someone
from tests.paying import BATCHES, build, carded, lines_of, result_file, tell, turn


class Paying(Acting):
    """With a batch that is on its way, if there is one."""

    def pay(self, by: int, code: str) -> bool:
        """Somebody takes the next step with the batch that is on its way, or builds one; the bank says `code` of every
        line. Whether anything was done."""
        makers = [hand.who for hand in self.with_permission(Permission.START_PAYMENT, by)]
        checkers = [hand.who for hand in self.with_permission(Permission.CONFIRM_PAYMENT, by)]
        return self.run(self._pay(makers, checkers, code))

    async def _pay(self, makers: list[Someone], checkers: list[Someone], code: str) -> bool:
        http, batch = self.stage.http, self.batch
        state = batch["state"] if batch else None
        if batch is None:
            told = told_of(await build(http, makers[0], self.home))
            self.batch = told.body["batch"] | {"made_by": makers[0]} if told.done else None
        elif state == "exported":
            lines = await lines_of(http, checkers[0], batch)
            rows = [(line["reference"], line["amount_fen"], code) for line in lines if line["state"] == "sent"]
            told = told_of(await tell(http, checkers[0], batch, result_file(rows)))
            assert told.done, told
            assert (told.body["breaks"], told.body["missing"]) == (0, 0)
            self.batch = None
        else:
            action = {"built": "freeze", "frozen": "confirm", "confirmed": "export"}[str(state)]
            by = checkers[0] if state == "frozen" else batch["made_by"]
            told = told_of(await turn(http, by, batch, action))
            if told.done:
                self.batch = batch | told.body
            elif told.code == "batch_outdated" or len(checkers) == 1:
                told = told_of(await turn(http, batch["made_by"], batch, "cancel"))
                assert told.done, told
                self.batch = None
        self.stage.done[f"batch {state}: {told.code}"] += 1
        assert told.status in (200, 201, 403, 409), told
        return told.done

    def pay_through(self, by: int, code: str) -> None:
        """As far as it goes with whoever there is."""
        for n in range(12):
            if not self.pay(by + n, code) and self.batch is None:
                break
        self.look()

    def bank_says(self, story: Story, by: int, code: str) -> None:
        """Of what was paid, or was not, later; if the bank was ever told of it."""
        checker = self.with_permission(Permission.CONFIRM_PAYMENT, by)[0].who
        line = self.run(self.line_of(story))
        if line is not None:
            batch = {"id": str(line["batch_id"]), "sha256": line["sha256"]}
            row = (line["id"].hex.upper(), line["amount_fen"], code)
            answer = self.run(tell(self.stage.http, checker, batch, result_file([row])))
            told = self.settle("bank says later", told_of(answer))
            assert told.done or told.code == "result_already_imported", told

    async def line_of(self, story: Story) -> Row | None:
        """The last payment of an application that a bank was told of."""
        return await self.stage.owner.fetchrow(
            "select l.*, b.sha256 from payment_line l join payment_batch b on b.id = l.batch_id "
            "where l.application_id = $1 and l.sent_at is not null order by l.created_at desc limit 1",
            story.row["id"],
        )

    def put_right(self, story: Story, by: int, action: str) -> None:
        """What failed is paid again, to another card where that was it, or written off."""
        line = self.run(self.line_of(story))
        assert line is not None
        if line["remedy"] == "fix_card":
            self.run(carded(self.stage.world, self.of(story)))
        wanted = Permission.START_PAYMENT if action == Action.REISSUE else Permission.CONFIRM_PAYMENT
        hand = self.with_permission(wanted, by)[0].who
        path = f"{BATCHES}/{line['batch_id']}/lines/{line['id']}/actions"
        told = self.send(f"line {action}", hand, path, {"action": action, "note": "已经核实"}, line["version"])
        assert told.done or told.code in ("recused", "appeal_open") or hand.id == story.row["applicant_id"], told
