"""How WeChat signs and encrypts its pushes (消息推送). Written apart from anything that reads them, so that the two can
be held against each other."""

import base64
import hashlib
import os

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def signed(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324 - WeChat's choice


def sealed(aes_key: str, appid: str, message: str, salt: bytes | None = None) -> str:
    """The `Encrypt` of a message to the account `appid`."""
    key = base64.b64decode(aes_key + "=")
    text = message.encode()
    padder = padding.PKCS7(256).padder()
    plain = padder.update((salt or os.urandom(16)) + len(text).to_bytes(4, "big") + text + appid.encode())
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(plain + padder.finalize()) + encryptor.finalize()).decode()
