"""重新抽样：名单.csv 名单校验码 种子 种子校验码 样本量 → 抽到的 line_id，一行一个。只用标准库，不连系统。"""

import sys
from collections import defaultdict
from csv import DictReader
from hashlib import sha256
from pathlib import Path

path, list_hash, seed, seed_hash, size = sys.argv[1:]
content = Path(path).read_bytes()
if sha256(content).hexdigest() != list_hash or sha256(seed.encode()).hexdigest() != seed_hash:
    sys.exit("名单或种子与公布的校验码不一致，不能据此抽样。")
strata = defaultdict(list)
for row in DictReader(content.decode().splitlines()):
    strata[row["district_code"], row["kind"]].append(row["line_id"])
groups = [strata[key] for key in sorted(strata)]
total = sum(map(len, groups))
rest = min(total, max(int(size), len(groups))) - len(groups)
parts = [divmod(rest * (len(group) - 1), max(1, total - len(groups))) for group in groups]
more = sorted(range(len(groups)), key=lambda n: (-parts[n][1], n))[: rest - sum(whole for whole, _ in parts)]
for n, group in enumerate(groups):
    ranked = sorted(group, key=lambda line: sha256(f"{seed}:{line}".encode()).hexdigest())
    sys.stdout.writelines(f"{line}\n" for line in ranked[: 1 + parts[n][0] + (n in more)])
