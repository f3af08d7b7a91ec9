"""The signatures and the cipher of message push (消息推送), and of what a mini-program's client hands over.

SHA-1 and AES-CBC are WeChat's choice. AES key, token and session_key are never shown.
"""

import binascii
import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32
"""PKCS#7 to blocks of 32 bytes, which libraries made for 16 refuse."""


class PushBroken(ValueError):
    """What came is not from WeChat, or not for us; the text says which check it failed and nothing of what it holds."""


def signature(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324 - WeChat's choice


def is_signed(given: str, *parts: str) -> bool:
    return hmac.compare_digest(signature(*parts).encode(), given.encode())


@dataclass(frozen=True, slots=True)
class PushKey:
    """The token and the EncodingAESKey of one account's message push."""

    appid: str
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)

    def decrypt(self, ciphertext: str) -> bytes:
        """The message inside. Raises PushBroken."""
        try:
            sealed = binascii.a2b_base64("".join(ciphertext.split()), strict_mode=True)
            raw = self._cipher(sealed, encrypting=False)
        except ValueError:
            raise PushBroken("ciphertext") from None
        pad = raw[-1] if raw else 0
        if not (1 <= pad <= BLOCK and len(raw) >= 20 + pad and raw[-pad:] == bytes([pad]) * pad):
            raise PushBroken("padding")
        body = raw[:-pad]
        (length,) = struct.unpack("!I", body[16:20])
        if body[20 + length :] != self.appid.encode():
            raise PushBroken("appid")
        return body[20 : 20 + length]

    def encrypt(self, message: bytes, salt: bytes | None = None) -> str:
        raw = (salt or os.urandom(16)) + struct.pack("!I", len(message)) + message + self.appid.encode()
        pad = BLOCK - len(raw) % BLOCK
        return binascii.b2a_base64(self._cipher(raw + bytes([pad]) * pad, encrypting=True), newline=False).decode()

    def reply(self, message: bytes, timestamp: int, nonce: str, salt: bytes | None = None) -> dict[str, str | int]:
        """An encrypted answer, as WeChat wants it in JSON."""
        sealed = self.encrypt(message, salt)
        signed = signature(self.token, str(timestamp), nonce, sealed)
        return {"Encrypt": sealed, "MsgSignature": signed, "TimeStamp": timestamp, "Nonce": nonce}

    def _cipher(self, data: bytes, *, encrypting: bool) -> bytes:
        key = aes_key(self.encoding_aes_key)
        cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16]))
        worker = cipher.encryptor() if encrypting else cipher.decryptor()
        return worker.update(data) + worker.finalize()


def aes_key(encoded: str) -> bytes:
    """The 32 bytes of an EncodingAESKey. Its last two bits may be anything: strict decoders refuse some keys. Raises
    ValueError."""
    key = binascii.a2b_base64(encoded + "=") if len(encoded) == 43 else b""
    if len(key) != 32:
        raise ValueError("an EncodingAESKey has 43 letters and digits")
    return key


def is_raw_data_signed(raw_data: str, session_key: str, given: str) -> bool:
    """Whether what wx.getUserInfo handed over is WeChat's (数据签名校验)."""
    signed = hashlib.sha1((raw_data + session_key).encode()).hexdigest()  # noqa: S324 - WeChat's choice
    return hmac.compare_digest(signed.encode(), given.encode())


def login_state_signature(session_key: str, content: str = "") -> str:
    """Proves to WeChat that one holds the session_key of somebody (检验登录态)."""
    return hmac.new(session_key.encode(), content.encode(), hashlib.sha256).hexdigest()


def open_data(appid: str, session_key: str, iv: str, ciphertext: str) -> dict[str, Any]:
    """What a client hands over encrypted (开放数据): only if its watermark is ours. Raises PushBroken."""
    try:
        key, start, sealed = (binascii.a2b_base64(each, strict_mode=True) for each in (session_key, iv, ciphertext))
        decryptor = Cipher(algorithms.AES(key), modes.CBC(start)).decryptor()
        raw = decryptor.update(sealed) + decryptor.finalize()
    except ValueError:
        raise PushBroken("ciphertext") from None
    pad = raw[-1] if raw else 0
    if not (1 <= pad <= 16 and raw[-pad:] == bytes([pad]) * pad):
        raise PushBroken("padding")
    try:
        data = orjson.loads(raw[:-pad])
    except ValueError:
        raise PushBroken("content") from None
    if (
        not isinstance(data, dict)
        or not isinstance(data.get("watermark"), dict)
        or data["watermark"].get("appid") != appid
    ):
        raise PushBroken("appid")
    return data
