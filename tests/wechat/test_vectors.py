"""Every published sample of WeChat's signatures and ciphers, over HTTP where it is a push (vectors.json names its
sources)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from app.gateways.wechat.crypto import (
    PushBroken,
    PushKey,
    is_raw_data_signed,
    login_state_signature,
    open_data,
    signature,
)
from app.http.service import Service

VECTORS = {each["id"]: each for each in json.loads((Path(__file__).parent / "vectors.json").read_text())["vectors"]}
ANY_KEY = "A" * 43
PUSHES = ["official-safe-json-push", "wechatpy-decrypt-xml", "tencent-demo-xml-push"]


class Pushed:
    """The app with the keys of a sample, at the moment of the sample."""

    def __init__(self, vector: dict[str, Any], callbacks: httpx.AsyncClient) -> None:
        self.vector, self.callbacks = vector, callbacks
        self.query = {name: vector[name] for name in ("timestamp", "nonce")}
        self.query["signature"] = vector.get("signature") or signature(vector["token"], *self.query.values())

    async def get(self, **query: str) -> httpx.Response:
        return await self.callbacks.get("/miniprogram/callback", params=self.query | query)

    async def post(self, body: bytes, **query: str) -> httpx.Response:
        return await self.callbacks.post("/miniprogram/callback", params=self.query | query, content=body)


@pytest.fixture
def sample(
    request: pytest.FixtureRequest, service: Service, callbacks: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> Pushed:
    vector = VECTORS[request.param]
    appid, aes_key = vector.get("appid", "wx"), vector.get("encoding_aes_key", ANY_KEY)
    key = PushKey(appid, vector["token"], aes_key)
    monkeypatch.setattr(service.wechat_accounts, "push_keys", {"miniprogram": key})
    at = datetime.fromtimestamp(int(vector["timestamp"]), UTC)
    monkeypatch.setattr("app.http.routes.wechat_callbacks.clock", lambda: at)
    return Pushed(vector, callbacks)


@pytest.mark.parametrize(
    "sample", [each for each, vector in VECTORS.items() if "signature" in vector and "token" in vector], indirect=True
)
async def test_the_address_is_verified_by_the_very_echo(sample: Pushed) -> None:
    echo = sample.vector.get("echostr", "4375120948345356249")

    told = await sample.get(echostr=echo)

    assert (told.status_code, told.content) == (200, echo.encode())
    wrong = await sample.get(echostr=echo, signature=signature("another", *list(sample.query.values())[:2]))
    assert (wrong.status_code, wrong.json()["code"]) == (403, "push_signature_wrong")


@pytest.mark.parametrize("sample", ["official-plain-json-push"], indirect=True)
async def test_a_plain_push_is_taken(sample: Pushed) -> None:
    told = await sample.post(orjson.dumps(sample.vector["body"]))

    assert (told.status_code, told.text) == (200, "success")


@pytest.mark.parametrize("sample", [each for each in PUSHES if each in VECTORS], indirect=True)
async def test_an_encrypted_push_is_opened(sample: Pushed) -> None:
    vector = sample.vector
    key = PushKey(vector["appid"], vector["token"], vector["encoding_aes_key"])
    assert key.decrypt(vector["ciphertext"]).decode() == vector["expected_plaintext"]
    assert key.encrypt(vector["expected_plaintext"].encode(), vector["random16"].encode()) == vector["ciphertext"]

    body = orjson.dumps({"ToUserName": "gh", "Encrypt": vector["ciphertext"]})
    told = await sample.post(body, encrypt_type="aes", msg_signature=vector["msg_signature"])
    xml = f"<xml><ToUserName>gh</ToUserName><Encrypt><![CDATA[\n{vector['ciphertext']}\n]]></Encrypt></xml>".encode()
    spaced = await sample.post(xml, encrypt_type="aes", msg_signature=vector["msg_signature"])
    forged = await sample.post(body, encrypt_type="aes", msg_signature=sample.query["signature"])

    assert (told.status_code, told.text) == (200, "success")
    # The same signature with another body: whoever overheard it could have written that.
    assert (spaced.status_code, spaced.json()["code"]) == (403, "push_replayed")
    assert (forged.status_code, forged.json()["code"]) == (403, "push_signature_wrong")


@pytest.mark.parametrize("sample", ["fudiwei-msgsig-only"], indirect=True)
async def test_digits_letters_and_ciphertext_are_sorted_as_text(sample: Pushed) -> None:
    """Its key was not published: what passes the signature fails at the cipher, what does not fails before."""
    body = orjson.dumps({"Encrypt": sample.vector["ciphertext"]})

    told = await sample.post(body, encrypt_type="aes", msg_signature=sample.vector["msg_signature"])
    wrong = await sample.post(body, encrypt_type="aes", msg_signature="0" * 40)

    assert [each.json()["code"] for each in (told, wrong)] == ["push_unreadable", "push_signature_wrong"]


@pytest.mark.parametrize("vector", [each for each in VECTORS.values() if each["kind"] == "encrypted_reply"])
def test_a_reply_is_encrypted_as_published(vector: dict[str, Any]) -> None:
    key = PushKey(vector["appid"], vector["token"], vector["encoding_aes_key"])
    found = key.reply(vector["plaintext"].encode(), vector["timestamp"], vector["nonce"], vector["random16"].encode())
    assert found == vector["expected_reply"]


def test_what_a_client_hands_over_is_checked_as_published() -> None:
    raw, data = VECTORS["official-rawdata-signature"], VECTORS["official-encryptedData"]
    assert is_raw_data_signed(raw["raw_data"], raw["session_key"], raw["signature"])
    assert not is_raw_data_signed(raw["raw_data"] + " ", raw["session_key"], raw["signature"])
    opened = open_data(data["appid"], data["session_key"], data["iv"], data["ciphertext"])
    assert opened == data["expected"]
    for appid, key, text in (
        ("wx-another", data["session_key"], data["ciphertext"]),
        (data["appid"], raw["session_key"], data["ciphertext"]),
        (data["appid"], data["session_key"], data["ciphertext"][:-8]),
        (data["appid"], data["session_key"], ""),
    ):
        with pytest.raises(PushBroken):
            open_data(appid, key, data["iv"], text)
    for name in ("official-login-state-signature-post", "derived-login-state-signature-get"):
        vector = VECTORS[name]
        assert login_state_signature(vector["session_key"], vector["post_data"]) == vector["signature"]


def test_every_sample_is_tried_here() -> None:
    tried = {"official-url-verify", "official-plain-json-push", "official-safe-json-push", "wechatpy-decrypt-xml"}
    tried |= {"official-encrypted-reply-json", "fudiwei-msgsig-only", "wechatpy-plain-signature"}
    tried |= {"official-rawdata-signature", "official-encryptedData"}
    tried |= {"official-login-state-signature-post", "derived-login-state-signature-get"}
    assert set(VECTORS) == tried
