"""What a worker fills in for hardship aid (困难帮扶): one item, how much, why."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.kinds.hardship_aid.policy import Item
from app.policy.fields import Fen, FileIds, Frozen, IsoDate, LongText


class MedicalCosts(Frozen):
    """A settled bill: what was left to the worker after every insurance, and what mutual aid then paid of it."""

    self_paid_fen: Fen
    mutual_aid_paid_fen: Fen
    settled_on: IsoDate


class AccidentCosts(Frozen):
    caused_fen: Fen
    happened_on: IsoDate


class HardshipAidForm(Frozen):
    """`form` of an application of this kind."""

    item: Item
    requested_fen: Fen
    reason: LongText
    medical: MedicalCosts | None = None
    accident: AccidentCosts | None = None
    file_ids: FileIds = Field(default_factory=list)

    @model_validator(mode="after")
    def costs_belong_to_the_item(self) -> Self:
        if self.item == "medical" and self.medical is None:
            raise PydanticCustomError("medical_required", "申请医疗救助，请填写医疗费用和结算日期。")
        if self.item == "accident" and self.accident is None:
            raise PydanticCustomError("accident_required", "申请意外救助，请填写意外造成的支出和发生日期。")
        return self
