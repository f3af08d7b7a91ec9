"""The sums of a settlement sheet: every part counts, each to the fen, and a broken sheet mended keeps them again."""

from dataclasses import replace

import pytest

from app.kinds.secondary_medical.facts import Settlement
from app.kinds.secondary_medical.sheets import parts_fen, payers_fen, sheet_findings
from tests.kinds.secondary_medical.reading import ORDINARY

PAYERS = ("hifp_pay_fen", "hifob_pay_fen", "cvlserv_pay_fen", "maf_pay_fen", "acct_pay_fen", "psn_cash_pay_fen")
PARTS = ("fulamt_ownpay_amt_fen", "overlmt_selfpay_fen", "preselfpay_amt_fen", "inscp_scp_amt_fen")
POOLED = ("act_pay_dedc_fen", "hifp_pay_fen", "hifob_pay_fen")

FULL = replace(
    ORDINARY.settlement,
    fulamt_ownpay_amt_fen=1_000,
    overlmt_selfpay_fen=2_000,
    preselfpay_amt_fen=4_000,
    inscp_scp_amt_fen=93_000,
    medfee_sumamt_fen=100_000,
    act_pay_dedc_fen=3_000,
    hifp_pay_fen=60_000,
    hifob_pay_fen=30_000,
    cvlserv_pay_fen=1_500,
    maf_pay_fen=2_500,
    acct_pay_fen=500,
    psn_cash_pay_fen=5_500,
)
"""Every field holds something; what the funds pool fills the scope, the parts and the payers fill the total."""


def kept(sheet: Settlement) -> dict[str, bool | None]:
    return {each.reason.rule: each.reason.met for each in sheet_findings(sheet, "医保结算单")}


def more(sheet: Settlement, field: str, fen: int) -> Settlement:
    return replace(sheet, **{field: getattr(sheet, field) + fen})


def mended(sheet: Settlement, rule: str) -> Settlement:
    [found] = [each for each in sheet_findings(sheet, "医保结算单") if each.reason.rule == rule]
    return found.remedy.apply(replace(ORDINARY, settlement=sheet)).settlement


def test_a_full_sheet_keeps_its_sums() -> None:
    assert (parts_fen(FULL), payers_fen(FULL)) == (100_000, 100_000)
    assert kept(FULL) == {
        "settlement_pool_within_scope": True,
        "settlement_adds_up": True,
        "settlement_payers_within_total": True,
    }


@pytest.mark.parametrize("field", PAYERS)
def test_one_fen_more_from_any_payer_is_above_the_total(field: str) -> None:
    assert payers_fen(more(FULL, field, 1)) == 100_001
    assert kept(more(FULL, field, 1))["settlement_payers_within_total"] is False
    assert kept(more(FULL, field, -1))["settlement_payers_within_total"] is True


@pytest.mark.parametrize("field", PARTS)
@pytest.mark.parametrize("fen", [1, -1])
def test_the_parts_add_up_to_the_fen(field: str, fen: int) -> None:
    assert parts_fen(more(FULL, field, fen)) == 100_000 + fen
    assert kept(more(FULL, field, fen))["settlement_adds_up"] is False


@pytest.mark.parametrize("field", POOLED)
def test_one_fen_more_pooled_is_above_the_scope(field: str) -> None:
    assert kept(more(FULL, field, 1))["settlement_pool_within_scope"] is False
    assert kept(more(FULL, field, -1))["settlement_pool_within_scope"] is True


@pytest.mark.parametrize(
    ("more_of", "fen", "pooled"),
    [
        ("hifob_pay_fen", 7, (3_000, 60_000, 30_000)),
        ("hifp_pay_fen", 7, (3_000, 60_007, 29_993)),
        ("hifp_pay_fen", 40_000, (3_000, 90_000, 0)),
        ("act_pay_dedc_fen", 7, (3_007, 60_000, 29_993)),
        ("act_pay_dedc_fen", 200_000, (93_000, 0, 0)),
    ],
)
def test_pooled_amounts_are_cut_from_the_last_to_fit_the_scope(more_of: str, fen: int, pooled: tuple[int, ...]) -> None:
    rule = "settlement_pool_within_scope"
    sheet = mended(more(FULL, more_of, fen), rule)
    assert tuple(getattr(sheet, each) for each in POOLED) == pooled
    assert kept(sheet)[rule] is True


@pytest.mark.parametrize(
    ("more_of", "fen", "bears"),
    [
        ("psn_cash_pay_fen", 7, (60_000, 30_000, 1_500, 2_500, 500, 5_500)),
        ("acct_pay_fen", 7, (60_000, 30_000, 1_500, 2_500, 507, 5_493)),
        ("maf_pay_fen", 10_000, (60_000, 30_000, 1_500, 8_500, 0, 0)),
        ("hifp_pay_fen", 50_000, (100_000, 0, 0, 0, 0, 0)),
    ],
)
def test_payers_bear_in_turn_what_is_left(more_of: str, fen: int, bears: tuple[int, ...]) -> None:
    rule = "settlement_payers_within_total"
    sheet = mended(more(FULL, more_of, fen), rule)
    assert tuple(getattr(sheet, each) for each in PAYERS) == bears
    assert kept(sheet)[rule] is True
