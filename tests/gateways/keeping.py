"""One of several processes that share a token: waits for a line on its input, calls many times at once, and says how it
went (run by test_shared_token.py)."""

import asyncio
import json
import sys

from app.db.database import open_database
from app.db.sealing import keyring_of
from app.gateways.wechat.errors import WeChatError
from app.gateways.wechat.miniprogram import MiniProgram
from app.settings import Settings
from app.wechat.keeper import SharedKeeper


async def main(dsn: str, base_url: str, appid: str, secret: str, first: int, count: int) -> None:
    database = await open_database(dsn, "aid_api", size=4)
    keeper = SharedKeeper(database=database, keyring=keyring_of(Settings(env="test")), appid=appid)
    wechat = MiniProgram(base_url, appid, secret, total_s=30, keeper=keeper)
    await wechat.access_token()  # all of them hold the token that will be dead
    print("ready", flush=True)  # noqa: T201
    while sys.stdin.readline().strip() == "go":
        numbers = [f"simphone:{13_800_000_000 + first + n}#{count}" for n in range(count)]
        found = await asyncio.gather(*(wechat.phone_number(code) for code in numbers), return_exceptions=True)
        told = [type(each).__name__ if isinstance(each, WeChatError) else each for each in found]
        print(json.dumps([str(each) for each in told]), flush=True)  # noqa: T201
    await wechat.aclose()
    await database.close()


if __name__ == "__main__":
    dsn, base_url, appid, secret, first, count = sys.argv[1:]
    asyncio.run(main(dsn, base_url, appid, secret, int(first), int(count)))
