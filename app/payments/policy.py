"""The dated rules of payments: the banks' file layouts, and what each return code of theirs asks for. Pure."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.policy.fields import Frozen, ShortText
from app.policy.versions import Version

KIND: Final = "payment"
Layout = Literal["csv_gb18030", "csv_utf8", "xlsx"]
Remedy = Literal["fix_card", "hold", "write_off"]
BankCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,19}$")]
ReturnCode = Annotated[str, Field(min_length=1, max_length=20, pattern=r"^[0-9A-Za-z_-]+$")]


class Bank(Frozen):
    """一家代发银行。"""

    code: Annotated[BankCode, Field(description="代码，建批次时选它")]
    name: Annotated[ShortText, Field(description="银行名称")]
    layout: Annotated[Layout, Field(description="代发文件的格式，见 docs/bank_files.md")]


class Returned(Frozen):
    """一种退回码。"""

    code: Annotated[ReturnCode, Field(description="银行结果文件里的返回码")]
    remedy: Annotated[
        Remedy, Field(description="怎么办：fix_card 更正银行卡，hold 暂缓、由财务核实，write_off 不再发放")
    ]
    text: Annotated[ShortText, Field(description="给申请人看的原因和办法")]


class PaymentPolicy(Version):
    """付款：代发银行的文件格式和退回码。"""

    banks: Annotated[tuple[Bank, ...], Field(min_length=1, description="代发银行，第一家是不选时用的")]
    success_codes: Annotated[tuple[ReturnCode, ...], Field(min_length=1, description="表示已经付到的返回码")]
    return_codes: Annotated[tuple[Returned, ...], Field(description="退回码；没有列出的一律暂缓，由财务核实")]
    unlisted_text: Annotated[ShortText, Field(description="没有列出的退回码，给申请人看的话")]

    @model_validator(mode="after")
    def each_code_once(self) -> Self:
        codes = [*self.success_codes, *(each.code for each in self.return_codes)]
        banks = [bank.code for bank in self.banks]
        if len(set(codes)) < len(codes) or len(set(banks)) < len(banks):
            raise PydanticCustomError("code_repeated", "同一个代码只能写一次。")
        return self

    def bank(self, code: str | None) -> Bank | None:
        """The bank of a code; without one the first. None: there is no such bank."""
        return self.banks[0] if code is None else next((bank for bank in self.banks if bank.code == code), None)

    def returned(self, code: str) -> Returned:
        """What a return code asks for. Of one that nobody has written down: that somebody looks."""
        found = next((each for each in self.return_codes if each.code == code), None)
        return found or Returned(code=code, remedy="hold", text=self.unlisted_text)
