"""`aid demo`: start everything, tell the story, stop everything."""

from pathlib import Path

import httpx
from rich.console import Console

from app.demo.processes import running
from app.demo.stage import Stage, StoryFailed
from app.demo.story import tell


def play(data_folder: Path) -> bool:
    """True when every step was as it should be."""
    console = Console(highlight=False, soft_wrap=True)
    console.print("启动内置 PostgreSQL、微信模拟器、API 和后台任务 …")
    with (
        running((data_folder / "demo").absolute()) as service,
        httpx.Client(base_url=f"{service.api}/api/v1", timeout=20, trust_env=False) as http,
    ):
        console.print(f"API {service.api}，微信模拟器 {service.simulator}")
        stage = Stage(http, console, service.world, service.command, service.simulator)
        try:
            tell(stage)
        except (StoryFailed, httpx.HTTPError, KeyError) as failed:
            console.print(f"[red]演示失败：{type(failed).__name__} {failed}[/]")
            console.print(f"日志在 {service.logs}")
            return False
        console.print(f"[bold green]演示完成：{stage.steps} 步都符合预期[/]")
        return True
