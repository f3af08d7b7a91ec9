"""The accounts at WeChat that the settings name, with the token that all processes share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.db.database import Database
from app.db.sealing import Keyring
from app.gateways.wechat.crypto import PushKey
from app.gateways.wechat.miniprogram import MiniProgram
from app.gateways.wechat.official import OfficialAccount
from app.settings import (
    DEMO_WECHAT_AES_KEY,
    DEMO_WECHAT_OFFICIAL_APPID,
    DEMO_WECHAT_OFFICIAL_SECRET,
    DEMO_WECHAT_PUSH_TOKEN,
    Settings,
)
from app.wechat.keeper import SharedKeeper
from app.wechat.templates import TEMPLATES

MINIPROGRAM: Final = "miniprogram"
OFFICIAL: Final = "official"


@dataclass(eq=False)
class Accounts:
    """The mini-program, and the official account if there is one."""

    miniprogram: MiniProgram
    official: OfficialAccount | None
    push_keys: Mapping[str, PushKey]
    """By account; one whose message push was not set up is missing."""
    template_ids: Mapping[str, str] = field(default_factory=dict)
    """Of the mini-program, by our keys."""

    async def aclose(self) -> None:
        await self.miniprogram.aclose()
        if self.official is not None:
            await self.official.aclose()


def open_accounts(configured: Settings, database: Database, keyring: Keyring) -> Accounts:
    def keeper(appid: str) -> SharedKeeper:
        return SharedKeeper(database=database, keyring=keyring, appid=appid)

    base_url, appid = configured.wechat_base_url, configured.wechat_miniprogram_appid
    miniprogram = MiniProgram(
        base_url, appid, configured.wechat_miniprogram_secret.get_secret_value(), keeper=keeper(appid)
    )
    official = None
    official_appid = configured.or_sample(configured.wechat_official_appid, DEMO_WECHAT_OFFICIAL_APPID)
    if official_appid:
        secret = configured.or_sample(configured.wechat_official_secret.get_secret_value(), DEMO_WECHAT_OFFICIAL_SECRET)
        official = OfficialAccount(base_url, official_appid, secret, keeper=keeper(official_appid))
    return Accounts(miniprogram, official, push_keys(configured), template_ids(configured))


def push_keys(configured: Settings) -> Mapping[str, PushKey]:
    """What pushes are checked with, by account."""
    official = configured.or_sample(configured.wechat_official_appid, DEMO_WECHAT_OFFICIAL_APPID)
    given = {
        MINIPROGRAM: (
            configured.wechat_miniprogram_appid,
            configured.wechat_miniprogram_token,
            configured.wechat_miniprogram_aes_key,
        ),
        OFFICIAL: (official, configured.wechat_official_token, configured.wechat_official_aes_key),
    }
    found = {}
    for account, (appid, token, aes_key) in given.items():
        shared = configured.or_sample(token.get_secret_value(), DEMO_WECHAT_PUSH_TOKEN)
        key = configured.or_sample(aes_key.get_secret_value(), DEMO_WECHAT_AES_KEY)
        if appid and shared and key:
            found[account] = PushKey(appid, shared, key)
    return found


def template_ids(configured: Settings) -> Mapping[str, str]:
    known = {key: configured.or_sample(configured.wechat_templates.get(key, ""), f"sim-{key}") for key in TEMPLATES}
    return {key: template_id for key, template_id in known.items() if template_id}
