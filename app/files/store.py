"""Where the contents lie: a folder under the data folder, or a bucket that speaks S3 (AID_FILES_URL). Always sealed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, MemoryStore, from_url

from app.db.sealing import Keyring
from app.kernel.errors import Unavailable

SECONDS: Final = 20.0
SHEETS: Final = "sheets"
"""The folder of workbooks: imports and exports."""
log = structlog.get_logger("aid.files")


class FilesUnavailable(Unavailable):
    """文件暂时无法存取，请稍后再试。"""


@dataclass(frozen=True, slots=True)
class FileStore:
    """Contents under the ids of their rows."""

    store: Any
    keyring: Keyring
    folder: str = "files"

    def beside(self, folder: str) -> "FileStore":
        """Another folder of the same store."""
        return replace(self, folder=folder)

    async def put(self, file_id: UUID, content: bytes) -> None:
        """Raises FilesUnavailable."""
        sealed = await asyncio.to_thread(self.keyring.seal, self._purpose, file_id, content)
        await self._asked(self.store.put_async(self._path(file_id), sealed))

    async def get(self, file_id: UUID) -> bytes | None:
        """None when it is gone. Raises FilesUnavailable, and SealBroken for what was altered."""
        try:
            found = await self._asked(self._fetched(file_id))
        except NotFoundError:
            return None
        return await asyncio.to_thread(self.keyring.open, self._purpose, file_id, found)

    async def remove(self, file_id: UUID) -> None:
        """Removes it; nothing happens when it is gone already. Raises FilesUnavailable."""
        try:
            await self._asked(self.store.delete_async(self._path(file_id)))
        except NotFoundError:
            return

    async def older_than(self, instant: datetime) -> AsyncIterator[list[UUID]]:
        """The ids of what was put before an instant, a thousand at a time."""
        try:
            async for objects in self.store.list(prefix=self.folder, chunk_size=1_000):
                yield [_id(each["path"]) for each in objects if each["last_modified"] < instant]
        except BaseError as failed:
            raise FilesUnavailable from failed

    @property
    def _purpose(self) -> str:
        return f"{self.folder}.content"

    def _path(self, file_id: UUID) -> str:
        """Spread over 256 folders by what is random in an id. What a sender calls a file is never in it."""
        return f"{self.folder}/{file_id.hex[-2:]}/{file_id}"

    async def _fetched(self, file_id: UUID) -> bytes:
        result = await self.store.get_async(self._path(file_id))
        return bytes(await result.bytes_async())

    async def _asked(self, asking: Any) -> Any:
        try:
            async with asyncio.timeout(SECONDS):
                return await asking
        except (NotFoundError, FileNotFoundError):
            raise NotFoundError from None
        except (BaseError, TimeoutError, OSError) as failed:
            log.warning("files_away", error=type(failed).__name__)
            raise FilesUnavailable from failed


def open_store(url: str | None, folder: Path, keyring: Keyring, **bucket: str) -> FileStore:
    """The store that the settings name; `bucket`: endpoint, region, access_key_id, secret_access_key of an S3 store."""
    if url is None:
        return FileStore(LocalStore(folder / "files", mkdir=True), keyring)
    if url == "memory://":
        return FileStore(MemoryStore(), keyring)
    if url.startswith("file://"):
        return FileStore(LocalStore(Path(url.removeprefix("file://")), mkdir=True), keyring)
    given: dict[str, Any] = {name: value for name, value in bucket.items() if value}
    if given.get("endpoint", "").startswith("http://"):
        given["client_options"] = {"allow_http": True}
    return FileStore(from_url(url, **given), keyring)


def _id(path: str) -> UUID:
    return UUID(path.rpartition("/")[2])
