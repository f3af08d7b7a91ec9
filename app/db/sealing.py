"""Sealed fields and blind indexes.

A sealed value is `format(1) algorithm(1) key number(2) nonce(12) ciphertext tag(16)`; the associated
data binds it to its table, column and row, so that a ciphertext copied elsewhere does not open.
Format 2 was compressed (zstd) before it was sealed, and is bound to its header too: a decision's prose halves.
Keys are derived per purpose (HKDF-SHA256) from numbered master keys; the highest number seals, all open.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.base import Cipher
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from zstandard import ZstdCompressor, ZstdDecompressor

from app.settings import Settings

Algorithm = Literal["aes-256-gcm", "sm4-gcm"]
_PLAIN, _COMPRESSED = 1, 2
_WORTH_COMPRESSING_BYTES = 400
_ALGORITHMS: dict[Algorithm, int] = {"aes-256-gcm": 1, "sm4-gcm": 2}
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER_BYTES = 4 + _NONCE_BYTES
BLIND_INDEX_BYTES = 16
_COMPRESSOR = ZstdCompressor(level=-1)  # half the time of level 1, and a seventh more to keep
_DECOMPRESSOR = ZstdDecompressor()


class SealBroken(Exception):
    """A sealed value does not open: it was altered, moved, or its key is missing."""


class _Cipher(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Sm4Gcm:
    """SM4-GCM with the calls of AESGCM, for installations that must use national ciphers (密评)."""

    key: bytes

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        encryptor = Cipher(SM4(self.key), GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(associated_data or b"")
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        decryptor = Cipher(SM4(self.key), GCM(nonce, data[-_TAG_BYTES:])).decryptor()
        decryptor.authenticate_additional_data(associated_data or b"")
        return decryptor.update(data[:-_TAG_BYTES]) + decryptor.finalize()


@dataclass(frozen=True)
class Keyring:
    """The keys of this process."""

    master_keys: Mapping[int, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)
    algorithm: Algorithm = "aes-256-gcm"
    _ciphers: dict[tuple[int, int, str], _Cipher] = field(default_factory=dict, repr=False, compare=False)
    _index_keys: dict[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    def seal(self, column: str, row_id: UUID, value: bytes) -> bytes:
        """Seal a value of `column` ("table.column", also its purpose) in the row `row_id`."""
        number, algorithm, form = max(self.master_keys), _ALGORITHMS[self.algorithm], _PLAIN
        if len(value) >= _WORTH_COMPRESSING_BYTES:
            form, value = _COMPRESSED, _COMPRESSOR.compress(value)
        header = bytes((form, algorithm)) + number.to_bytes(2, "big")
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher(number, algorithm, column).encrypt(nonce, value, _binding(header, column, row_id))
        return header + nonce + sealed

    def open(self, column: str, row_id: UUID, sealed: bytes) -> bytes:
        """The value again. Raises SealBroken."""
        if len(sealed) < _HEADER_BYTES + _TAG_BYTES or sealed[0] not in (_PLAIN, _COMPRESSED):
            raise SealBroken
        number = int.from_bytes(sealed[2:4], "big")
        if number not in self.master_keys or sealed[1] not in _ALGORITHMS.values():
            raise SealBroken
        cipher = self._cipher(number, sealed[1], column)
        try:
            binding = _binding(sealed[:4], column, row_id)
            value = cipher.decrypt(sealed[4:_HEADER_BYTES], sealed[_HEADER_BYTES:], binding)
        except InvalidTag:
            raise SealBroken from None
        return value if sealed[0] == _PLAIN else _DECOMPRESSOR.decompress(value)

    def seal_text(self, column: str, row_id: UUID, text: str) -> bytes:
        return self.seal(column, row_id, text.encode())

    def open_text(self, column: str, row_id: UUID, sealed: bytes) -> str:
        return self.open(column, row_id, sealed).decode()

    def seal_document(self, column: str, row_id: UUID, document: Any) -> bytes:
        return self.seal(column, row_id, orjson.dumps(document))

    def open_document(self, column: str, row_id: UUID, sealed: bytes) -> Any:
        return orjson.loads(self.open(column, row_id, sealed))

    def blind_index(self, purpose: str, *values: str) -> bytes:
        """A keyed hash of normalised values: equal values give equal indexes, and nothing else is learnt."""
        key = self._index_keys.get(purpose)
        if key is None:
            key = self._index_keys[purpose] = _derive(self.index_key, f"index|{purpose}", 32)
        message = "\x1f".join(values).encode()
        return hmac.new(key, message, hashlib.sha256).digest()[:BLIND_INDEX_BYTES]

    def _cipher(self, number: int, algorithm: int, purpose: str) -> _Cipher:
        found = self._ciphers.get((number, algorithm, purpose))
        if found is None:
            master = self.master_keys[number]
            if algorithm == _ALGORITHMS["sm4-gcm"]:
                found = _Sm4Gcm(_derive(master, f"seal|sm4|{purpose}", 16))
            else:
                found = AESGCM(_derive(master, f"seal|aes|{purpose}", 32))
            self._ciphers[number, algorithm, purpose] = found
        return found


def keyring_of(configured: Settings) -> Keyring:
    """The keyring that the settings name."""
    return Keyring(configured.master_key_bytes(), configured.index_key_bytes(), configured.seal_algorithm)


def _binding(header: bytes, column: str, row_id: UUID) -> bytes:
    bound = column.encode() + b"|" + row_id.bytes
    return bound if header[0] == _PLAIN else header + bound


def _derive(key: bytes, purpose: str, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(key)
