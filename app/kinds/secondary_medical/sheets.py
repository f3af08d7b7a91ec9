"""The sums that every settlement sheet (医保结算单) keeps, and how a sheet that breaks one would be. Pure."""

from dataclasses import replace

from app.kernel.money import Fen, yuan
from app.kinds.secondary_medical.facts import Facts, Settlement
from app.policy.decision import Finding, finding, fulfilled

_CHANGE = "请对照医保结算单核对各项金额后修改"


def sheet_findings(sheet: Settlement, source: str) -> tuple[Finding[Facts], Finding[Facts], Finding[Facts]]:
    """Payers may come to less than the total: some funds have no field here."""
    pooled = sheet.act_pay_dedc_fen + sheet.hifp_pay_fen + sheet.hifob_pay_fen
    parts, payers, total, scope = parts_fen(sheet), payers_fen(sheet), sheet.medfee_sumamt_fen, sheet.inscp_scp_amt_fen
    whole = yuan(total)
    return (
        _asked(
            "settlement_pool_within_scope",
            pooled <= scope,
            "起付线、统筹支付与大额补助相加，不超过符合政策范围金额",
            f"不超过{yuan(scope)}",
            f"合计{yuan(pooled)}",
            source,
        ),
        _asked(
            "settlement_adds_up",
            parts == total,
            "全自费、超限价自费、先行自付与符合政策范围金额相加，等于医疗费总额",
            f"合计{whole}",
            f"合计{whole if parts == total else yuan(parts)}",
            source,
        ),
        _asked(
            "settlement_payers_within_total",
            payers <= total,
            "各项基金、个人账户和现金支付相加，不超过医疗费总额",
            f"不超过{whole}",
            f"合计{whole if payers == total else yuan(payers)}",
            source,
        ),
    )


def parts_fen(sheet: Settlement) -> Fen:
    """What the total is made of."""
    return sheet.fulamt_ownpay_amt_fen + sheet.overlmt_selfpay_fen + sheet.preselfpay_amt_fen + sheet.inscp_scp_amt_fen


def payers_fen(sheet: Settlement) -> Fen:
    """What all payers on the sheet bore: funds, the personal account, cash."""
    funds = sheet.hifp_pay_fen + sheet.hifob_pay_fen + sheet.cvlserv_pay_fen + sheet.maf_pay_fen
    return funds + sheet.acct_pay_fen + sheet.psn_cash_pay_fen


def _asked(rule: str, met: bool, text: str, needed: str, given: str, source: str) -> Finding[Facts]:
    if met:
        return fulfilled(rule, text, needed, given, source)
    return finding(rule, False, text, needed, given, source, _CHANGE, True, _MENDS[rule])


def _pool_within_scope(facts: Facts) -> Facts:
    sheet = facts.settlement
    deductible = min(sheet.act_pay_dedc_fen, sheet.inscp_scp_amt_fen)
    pool = min(sheet.hifp_pay_fen, sheet.inscp_scp_amt_fen - deductible)
    supplement = min(sheet.hifob_pay_fen, sheet.inscp_scp_amt_fen - deductible - pool)
    mended = replace(sheet, act_pay_dedc_fen=deductible, hifp_pay_fen=pool, hifob_pay_fen=supplement)
    return replace(facts, settlement=mended)


def _adding_up(facts: Facts) -> Facts:
    return replace(facts, settlement=replace(facts.settlement, medfee_sumamt_fen=parts_fen(facts.settlement)))


def _payers_within_total(facts: Facts) -> Facts:
    """Each payer in turn bears at most what is left."""
    sheet = facts.settlement
    left = min(sheet.medfee_sumamt_fen, parts_fen(sheet))
    bears = {}
    for payer in (
        "hifp_pay_fen",
        "hifob_pay_fen",
        "cvlserv_pay_fen",
        "maf_pay_fen",
        "acct_pay_fen",
        "psn_cash_pay_fen",
    ):
        bears[payer] = min(getattr(sheet, payer), left)
        left -= bears[payer]
    return replace(facts, settlement=replace(sheet, **bears))


_MENDS = {
    "settlement_pool_within_scope": _pool_within_scope,
    "settlement_adds_up": _adding_up,
    "settlement_payers_within_total": _payers_within_total,
}
