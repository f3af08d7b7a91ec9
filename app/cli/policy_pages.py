"""What a version of each kind of policy may say, as Markdown for `aid contract`: from the models, with the newest
version that comes with the service as the example. So the pages say what `aid policy schema` says."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from app.policies.rules import document_of
from app.policy.book import POLICY_KINDS, PolicyKind
from app.policy.versions import Version
from app.programmes import MODELS, shipped

NAMES: Final[Mapping[PolicyKind, str]] = {
    "hardship_aid": "困难帮扶",
    "golden_autumn": "金秋助学",
    "secondary_medical": "住院二次医保",
    "household_criteria": "困难家庭认定口径",
    "minimum_living_standard": "低保标准",
    "home_visits": "入户走访",
    "household_upkeep": "档案动态管理",
    "public_notice": "公示",
    "accountability": "申诉、查看和评价",
    "service_standard": "办理时限",
    "approval_route": "审批环节",
    "application_reasons": "不予通过和退回的理由",
    "fund_order": "资金使用顺序",
    "payment": "付款",
    "household_cap": "每户每年合计上限",
    "exit_target": "解困脱困年度目标",
    "text_messages": "短信提醒",
}
GENERATED: Final = (
    "> 由代码生成（`make contract`），请勿手改。怎样提出和发布新版本，见 [docs/policy.md](../policy.md)。"
)
_TYPES: Final[Mapping[str, str]] = {"string": "文字", "boolean": "`true` 或 `false`", "null": "可以为空（`null`）"}

Schema = Mapping[str, Any]
Names = frozenset[str | None]


def policy_pages() -> dict[str, str]:
    """File name → page. Raises KeyError for a kind without a name."""
    return {f"policy_{kind}.md": _page(kind) for kind in POLICY_KINDS}


def _page(kind: PolicyKind) -> str:
    schema = MODELS[kind].model_json_schema()
    rows = [
        f"| `{place}` | {said} | {takes} | {'是' if needed else ''} |"
        for place, said, takes, needed in _rows(schema, schema, "")
    ]
    newest = shipped().versions[kind][-1]
    lines = [
        f"# {NAMES[kind]}：政策版本的格式（`{kind}`）",
        "",
        GENERATED,
        "",
        "## 各项",
        "",
        "`[]` 是一列中的每一项。金额以分计（`_fen`），比例以万分之几计（`_bp`）。没有列出的项一律不接受。",
        "",
        "| 位置 | 说明 | 填什么 | 必填 |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
        f"## 例子：随服务发布的最新版本（{newest.version}）",
        "",
        "```yaml",
        *_yaml(newest),
        "```",
        "",
    ]
    return "\n".join(lines)


def _yaml(version: Version) -> list[str]:
    return yaml.safe_dump(document_of(version), allow_unicode=True, sort_keys=False, width=100).splitlines()


def _rows(schema: Schema, root: Schema, at: str, inside: Names = frozenset()) -> Iterator[tuple[str, str, str, bool]]:
    """Place, description, what it takes and whether it must be there, of every field below an object.

    `inside` names the models that it stands in: one that holds itself is listed once.
    """
    for name, field in schema.get("properties", {}).items():
        place = f"{at}{name}"
        yield place, _said(field), _taken(field, root), name in schema.get("required", ())
        yield from _below(field, root, place, inside)
    if _is_open(schema):
        yield from _below(schema["additionalProperties"], root, f"{at}*", inside)


def _below(schema: Schema, root: Schema, place: str, inside: Names) -> Iterator[tuple[str, str, str, bool]]:
    choices = [(name, each) for name, each in _choices(schema, root) if name not in inside]
    objects = [each for _, each in choices if "properties" in each or _is_open(each)]
    for name, each in choices:
        around = inside | {name} if name else inside
        yield from _rows(each, root, f"{place}{_variant(each) if len(objects) > 1 else ''}.", around)
        for items in (each.get("items"), *each.get("prefixItems", ())):
            if isinstance(items, Mapping):
                yield from _below(items, root, f"{place}[]", around)


def _is_open(schema: Schema) -> bool:
    return isinstance(schema.get("additionalProperties"), Mapping)


def _variant(schema: Schema) -> str:
    """By what one of several forms is known: the field that has one value only."""
    fixed = (f"（{name}: {each['const']}）" for name, each in schema.get("properties", {}).items() if "const" in each)
    return next(fixed, "")


def _choices(schema: Schema, root: Schema, name: str | None = None) -> Iterator[tuple[str | None, Schema]]:
    """A schema with its reference followed and its either-ors taken apart; each with the model that it is, if one."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from _choices(root["$defs"][name], root, name)
        return
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if not branches:
        yield name, schema
    for each in branches:
        yield from _choices(each, root)


def _said(field: Schema) -> str:
    """The field's own description, where it is for people: those of whole models are for programmers."""
    text = str(field.get("description", ""))
    return "" if text.isascii() else text.replace("\n", " ").replace("|", "\\|")


def _taken(field: Schema, root: Schema, *, listed: bool = False) -> str:
    return "，或".join(dict.fromkeys(_kind_of(each, root, listed) for _, each in _choices(field, root)))


def _kind_of(schema: Schema, root: Schema, listed: bool) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return "、".join(f"`{value}`" for value in schema["enum"])
    if schema.get("format") == "date":
        return "日期，如 2027-01-01"
    match schema.get("type"):
        case "integer":
            return f"整数{_bounds(schema)}"
        case "array":
            if listed or "items" not in schema:
                return "一列"
            return f"一列：{_taken(schema['items'], root, listed=True)}"
        case "object":
            return "下列各项"
        case kind:
            return _TYPES[str(kind)]


def _bounds(schema: Schema) -> str:
    least = schema.get("minimum", schema["exclusiveMinimum"] + 1 if "exclusiveMinimum" in schema else None)
    most = schema.get("maximum", schema["exclusiveMaximum"] - 1 if "exclusiveMaximum" in schema else None)
    if least is None and most is None:
        return ""
    return (
        f"（不大于 {most}）" if least is None else f"（不小于 {least}）" if most is None else f"（{least} 到 {most}）"
    )
