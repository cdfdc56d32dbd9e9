"""The image without a container engine: its linter, and its own build line run in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from watcher.config import load
from watcher.web.health import HealthServer

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of every line of the Dockerfile, continuation lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", TEXT))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def ran(command: list[str], *, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_image_runs_as_an_unprivileged_user_on_a_volume() -> None:
    found = instructions()
    assert ("USER", "10001:10001") in found
    assert ("VOLUME", "/data") in found
    assert ("ENTRYPOINT", '["watcher"]') in found
    assert ("CMD", '["run"]') in found


def test_everything_copied_is_sent_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    copied = [
        source
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert source.removeprefix("./") in sent
        assert (ROOT / source).exists()


def test_health_check_asks_the_port_that_is_exposed() -> None:
    """The check's own command, against a server that answers and one that does not."""
    (check,) = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    (port,) = [rest for word, rest in instructions() if word == "EXPOSE"]
    assert f"WATCHER_PORT={port}" in TEXT
    code = json.loads(check[check.index("CMD ") + 4 :])[-1]
    state = {"healthy": True}
    server = HealthServer("127.0.0.1", 0, lambda: (state["healthy"], {}), bytes)
    server.start()
    try:
        env = {"WATCHER_PORT": str(server.address[1]), "PATH": os.environ["PATH"]}
        for expected in (0, 1):
            state["healthy"] = expected == 0
            done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=30, check=False)
            assert done.returncode == expected
    finally:
        server.close()


@pytest.mark.slow
def test_build_line_installs_a_watcher_that_works(tmp_path: Path) -> None:
    (build,) = [rest for word, rest in instructions() if word == "RUN" and "pip wheel" in rest]
    source = tmp_path / "src"
    source.mkdir()
    tracked = ("pyproject.toml", "README.md", "LICENSE", "watcher")
    ran(["cp", "-R", *(str(ROOT / name) for name in tracked), str(source)], cwd=tmp_path)
    line = build.replace("/wheels", str(tmp_path / "wheels")).replace("/opt/watcher", str(tmp_path / "opt"))
    assert line.count(str(tmp_path)) >= 4
    line = re.sub(r"^python ", f"{sys.executable} ", line).replace("&& python ", f"&& {sys.executable} ")
    ran(["sh", "-ec", line], cwd=source)

    watcher = str(tmp_path / "opt" / "bin" / "watcher")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    env["WATCHER_DATABASE"] = f"sqlite:///{tmp_path}/watcher.db"
    assert ran([watcher, "--version"], cwd=elsewhere, env=env).strip().endswith("0.1.0")
    ran([watcher, "check", "--config", str(ROOT / "config" / "watcher.yaml")], cwd=elsewhere, env=env)
    # every extra that a configuration may ask for: PostgreSQL's driver, and the texts of articles
    python = str(tmp_path / "opt" / "bin" / "python")
    page = f"<html><body><article><p>{'The ministry extended the licence. ' * 9}</p></article></body></html>"
    code = (
        f"import psycopg; from watcher.feeds.articles import read_article; print(read_article({page!r}.encode(), ''))"
    )
    assert "extended the licence" in ran([python, "-c", code], cwd=elsewhere, env=env)


def test_compose_file_keeps_its_secrets_in_files() -> None:
    compose = YAML(typ="safe", pure=True).load(ROOT / "compose.yaml")
    services = compose["services"]
    assert services["watcher"]["read_only"] is True
    used = {name for service in services.values() for name in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    assert services["database"]["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/database_password"
    assert "secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_configuration_for_compose_reads_its_secrets_from_files(tmp_path: Path) -> None:
    service = (ROOT / "deploy" / "watcher.yaml").read_text(encoding="utf-8")
    names = set(re.findall(r"!file /run/secrets/(\w+)", service))
    assert names <= set(YAML(typ="safe", pure=True).load(ROOT / "compose.yaml")["secrets"])
    (tmp_path / "deploy").mkdir()
    (tmp_path / "config").symlink_to(ROOT / "config")
    config = tmp_path / "deploy" / "watcher.yaml"
    config.write_text(service.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
    for name in names:
        (tmp_path / name).write_text("\n", encoding="utf-8")
    (tmp_path / "database_url").write_text("postgresql://watcher:secret@database/watcher\n", encoding="utf-8")
    (tmp_path / "slack_url").write_text("slack://T0000000/B0000000/abcdefghijklmnopqrstuvwx\n", encoding="utf-8")
    settings = load(config, {})
    assert settings.database == "postgresql://watcher:secret@database/watcher"
    assert list(settings.receivers) == ["desk-slack"]  # the mail address is empty, so it is switched off
    assert settings.rules.items
