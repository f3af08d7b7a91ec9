"""重抽评估档案：名单.csv 名单校验码 种子 种子校验码 层=份数 … → 抽到的 file_id，一行一个。只用标准库，不连系统。"""

import sys
from csv import DictReader
from hashlib import sha256
from pathlib import Path

path, list_hash, seed, seed_hash, *sizes = sys.argv[1:]
content = Path(path).read_bytes()
if sha256(content).hexdigest() != list_hash or sha256(seed.encode()).hexdigest() != seed_hash:
    sys.exit("名单或种子与公布的校验码不一致，不能据此抽样。")
files = list(DictReader(content.decode().splitlines()))
wanted = dict(each.split("=") for each in sizes)
for stratum in ("never_archived", "not_lifted", "lifted", "cancelled"):
    of = [row["file_id"] for row in files if row["stratum"] == stratum]
    ranked = sorted(of, key=lambda file: sha256(f"{seed}:{file}".encode()).hexdigest())
    sys.stdout.writelines(f"{file}\n" for file in ranked[: int(wanted.get(stratum, 0))])
