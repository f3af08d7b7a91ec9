"""The only reader of the environment. Every setting is named AID_<FIELD>."""

import base64
import re
from functools import cache
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Environment = Literal["production", "demo", "test"]

DEMO_TOKEN_KEY = "demo-only-token-key-never-in-production-0001"
DEMO_MASTER_KEY = base64.b64encode(b"demo-only-master-key-32-bytes-!!").decode()
DEMO_INDEX_KEY = base64.b64encode(b"demo-only-index-key--32-bytes-!!").decode()
DEMO_WECHAT_APPID = "wx0000000000000sim"
DEMO_WECHAT_SECRET = "simulated-secret"
DEMO_WECHAT_OFFICIAL_APPID = "wx0000000000000off"
DEMO_WECHAT_OFFICIAL_SECRET = "simulated-official-secret"
DEMO_WECHAT_PUSH_TOKEN = "demo-only-push-token"
DEMO_WECHAT_AES_KEY = "demoOnlyPushKeyNeverInProduction00000000001"
DEMO_MINIPROGRAM_LINK = "https://aid.invalid/m"
MINIMUM_KEY_BYTES = 32


class Settings(BaseSettings):
    """What an operator may set. Outside demo and test a default secret refuses to start."""

    model_config = SettingsConfigDict(env_prefix="AID_", extra="ignore", frozen=True, hide_input_in_errors=True)

    env: Environment = "production"
    data_folder: Path = Path(".aid")
    database_url: SecretStr | None = None
    database_pool_size: int = Field(default=12, ge=1, le=100)

    token_key: SecretStr = SecretStr(DEMO_TOKEN_KEY)
    master_keys: dict[int, SecretStr] = {1: SecretStr(DEMO_MASTER_KEY)}
    index_key: SecretStr = SecretStr(DEMO_INDEX_KEY)
    seal_algorithm: Literal["aes-256-gcm", "sm4-gcm"] = "aes-256-gcm"

    wechat_base_url: str = "https://api.weixin.qq.com"
    wechat_miniprogram_appid: str = DEMO_WECHAT_APPID
    wechat_miniprogram_secret: SecretStr = SecretStr(DEMO_WECHAT_SECRET)
    wechat_miniprogram_token: SecretStr = SecretStr("")
    wechat_miniprogram_aes_key: SecretStr = SecretStr("")
    """Of message push (消息推送); without them WeChat's calls are not taken. Demo and test have samples."""
    wechat_official_appid: str = ""
    """The official account (公众号); without one nothing is published. Demo and test have a sample."""
    wechat_official_secret: SecretStr = SecretStr("")
    wechat_official_token: SecretStr = SecretStr("")
    wechat_official_aes_key: SecretStr = SecretStr("")
    wechat_templates: dict[str, str] = {}
    """Template ids of the mini-program by our keys (app/wechat/templates.yaml); one that is missing is not used."""

    sms_url: str = ""
    """A gateway of text messages (app/gateways/sms.py); without one no text message goes."""
    sms_key: SecretStr = SecretStr("")

    miniprogram_link: str = Field(default=DEMO_MINIPROGRAM_LINK, pattern=r"^https://[^\s?#]+$")
    """The address that WeChat opens as the mini-program (扫普通链接二维码打开小程序); printed codes lead there."""
    files_url: str | None = None
    """Where uploaded files lie: s3://bucket/prefix, file:///folder; without it a folder under the data folder."""
    files_endpoint: str = ""
    files_region: str = ""
    files_access_key: str = ""
    files_secret_key: SecretStr = SecretStr("")
    files_scanner: str | None = None
    """host:port of a virus scanner (clamd). With one a file waits, pending, until it has been scanned."""

    public_notice_seconds: int | None = Field(default=None, ge=1)
    """Demo and test only: a public notice this long (seconds) instead of the policy's working days."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("database_url")
    @classmethod
    def database_url_is_of_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _is_postgresql(url.get_secret_value()):
            raise ValueError("AID_DATABASE_URL 应写成 postgresql://用户:密码@主机:5432/aid (a PostgreSQL address)")
        return url

    @field_validator("files_url")
    @classmethod
    def files_url_is_of_a_store(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("s3://", "file:///", "memory://")):
            raise ValueError("AID_FILES_URL 应写成 s3://存储桶/前缀 或 file:///文件夹 (a bucket or a folder)")
        return url

    @field_validator("sms_url")
    @classmethod
    def sms_url_is_safe(cls, url: str) -> str:
        if url and not re.match(r"https://[^\s/]+|http://(127\.0\.0\.1|localhost)[:/]", url):
            raise ValueError("AID_SMS_URL 应是 https:// 地址 (an https address: telephone numbers go there)")
        return url

    @field_validator("files_scanner")
    @classmethod
    def files_scanner_is_an_address(cls, address: str | None) -> str | None:
        if address is not None and not re.fullmatch(r"[A-Za-z0-9.-]+:[0-9]{1,5}", address):
            raise ValueError("AID_FILES_SCANNER 应写成 主机:端口 (host:port)")
        return address

    @field_validator("wechat_miniprogram_aes_key", "wechat_official_aes_key")
    @classmethod
    def aes_key_is_usable(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value() and not re.fullmatch(r"[A-Za-z0-9]{43}", key.get_secret_value()):
            raise ValueError("EncodingAESKey 是 43 个字母和数字 (43 letters and digits)")
        return key

    @field_validator("token_key")
    @classmethod
    def token_key_is_long_enough(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value().encode()) < MINIMUM_KEY_BYTES:
            raise ValueError("AID_TOKEN_KEY 至少需要 32 个字节 (at least 32 bytes)")
        return key

    @field_validator("index_key")
    @classmethod
    def index_key_is_long_enough(cls, key: SecretStr) -> SecretStr:
        _decoded_key("AID_INDEX_KEY", key)
        return key

    @field_validator("master_keys")
    @classmethod
    def master_keys_are_usable(cls, keys: dict[int, SecretStr]) -> dict[int, SecretStr]:
        if not keys or not all(1 <= number <= 65535 for number in keys):
            raise ValueError("AID_MASTER_KEYS 需要至少一把编号 1–65535 的密钥 (a JSON object: number → base64)")
        for key in keys.values():
            _decoded_key("AID_MASTER_KEYS", key)
        return keys

    @model_validator(mode="after")
    def no_default_secret_outside_demo(self) -> Self:
        if self.env != "production":
            return self
        defaults = {
            "AID_TOKEN_KEY": self.token_key.get_secret_value() == DEMO_TOKEN_KEY,
            "AID_MASTER_KEYS": any(key.get_secret_value() == DEMO_MASTER_KEY for key in self.master_keys.values()),
            "AID_INDEX_KEY": self.index_key.get_secret_value() == DEMO_INDEX_KEY,
            "AID_WECHAT_MINIPROGRAM_APPID": self.wechat_miniprogram_appid == DEMO_WECHAT_APPID,
            "AID_WECHAT_MINIPROGRAM_SECRET": self.wechat_miniprogram_secret.get_secret_value() == DEMO_WECHAT_SECRET,
        }
        defaults |= {f"AID_WECHAT_{name}": is_sample for name, is_sample in self._samples_of_push().items()}
        missing = [name for name, is_default in defaults.items() if is_default]
        if missing:
            raise ValueError(f"请先设置 {'、'.join(missing)}；演示请用 AID_ENV=demo (default secrets only run in demo)")
        if self.public_notice_seconds is not None:
            raise ValueError("AID_PUBLIC_NOTICE_SECONDS 只能用于演示和测试 (demo and test only)")
        return self

    def _samples_of_push(self) -> dict[str, bool]:
        return {
            "MINIPROGRAM_TOKEN": self.wechat_miniprogram_token.get_secret_value() == DEMO_WECHAT_PUSH_TOKEN,
            "MINIPROGRAM_AES_KEY": self.wechat_miniprogram_aes_key.get_secret_value() == DEMO_WECHAT_AES_KEY,
            "OFFICIAL_APPID": self.wechat_official_appid == DEMO_WECHAT_OFFICIAL_APPID,
            "OFFICIAL_SECRET": self.wechat_official_secret.get_secret_value() == DEMO_WECHAT_OFFICIAL_SECRET,
            "OFFICIAL_TOKEN": self.wechat_official_token.get_secret_value() == DEMO_WECHAT_PUSH_TOKEN,
            "OFFICIAL_AES_KEY": self.wechat_official_aes_key.get_secret_value() == DEMO_WECHAT_AES_KEY,
        }

    def or_sample(self, given: str, sample: str) -> str:
        """What was set; in demo and test the sample where nothing was."""
        return given or ("" if self.env == "production" else sample)

    @property
    def printed_link(self) -> str | None:
        """Where printed codes lead; None in production until it is set: better no code than one that leads nowhere."""
        unset = self.miniprogram_link == DEMO_MINIPROGRAM_LINK
        return None if self.env == "production" and unset else self.miniprogram_link

    def bucket(self) -> dict[str, str]:
        """How an S3 store is reached."""
        return {
            "endpoint": self.files_endpoint,
            "region": self.files_region,
            "access_key_id": self.files_access_key,
            "secret_access_key": self.files_secret_key.get_secret_value(),
        }

    def master_key_bytes(self) -> dict[int, bytes]:
        return {number: _decoded_key("AID_MASTER_KEYS", key) for number, key in self.master_keys.items()}

    def index_key_bytes(self) -> bytes:
        return _decoded_key("AID_INDEX_KEY", self.index_key)


def _is_postgresql(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "postgresql" and parts.port != 0
    except ValueError:  # a port that is no port, an address without its bracket
        return False


def _decoded_key(name: str, key: SecretStr) -> bytes:
    try:
        decoded = base64.b64decode(key.get_secret_value(), validate=True)
    except ValueError:
        raise ValueError(f"{name} 必须是 base64 (must be base64)") from None
    if len(decoded) != MINIMUM_KEY_BYTES:
        raise ValueError(f"{name} 解码后必须是 32 个字节 (must decode to 32 bytes)")
    return decoded


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
