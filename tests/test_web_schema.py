"""The description of the API is true: what schemathesis makes of it is answered as it says."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from site_of import BEARER, GUARDED, TOKEN, WORLD, Site
from world import World

from monitor.web.openapi import description
from monitor.web.routes import PAGES, TABLE


@pytest.fixture
def site(worlds: Callable[..., World], sites: Callable[..., Site]) -> Site:
    world = worlds(WORLD + GUARDED + '[accounts.other]\napi_key = "key-of-other-001"\n')
    world.reads("72.5", "70", "69.25", "4", available_credits=1000).fails()
    found: Site = sites(world)
    return found


def test_the_description_has_every_address_and_each_is_answered(site: Site) -> None:
    document = site.get("/openapi.json", headers=BEARER).json()
    assert document["openapi"] == "3.1.0"
    described = {(path, method.upper()) for path, ways in document["paths"].items() for method in ways}
    assert described == {(one.path, one.method) for one in TABLE}
    for path in [path for path, method in described if method == "GET"] + [
        path for method, path, _ in PAGES if method == "GET"
    ]:
        name = "style.css" if path.startswith("/static") else "main"
        assert site.get(path.replace("{name}", name).replace("{level}", "ok"), headers=BEARER).status_code == 200, path


def test_every_shape_that_is_named_is_described() -> None:
    text = description()
    names = set(json.loads(text)["components"]["schemas"])
    for reference in {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in names


_NAMES = """
[parameters]
"path.name" = "main"
[[operations]]
include-path = "/api/v1/channels/{name}/test"
parameters = { "path.name" = "ops" }
"""


@pytest.mark.timeout(180)
def test_whatever_is_asked_is_answered_as_described(site: Site, tmp_path: Path) -> None:
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(_NAMES)
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(settings), "run"),
            *(f"{site.url}/openapi.json", "--header", f"Authorization: Bearer {TOKEN}"),
            *("--max-examples", "25", "--seed", "7", "--phases", "examples,coverage,fuzzing"),
            *("--exclude-checks", "positive_data_acceptance", "--no-color"),
            *("--request-timeout", "20", "--workers", "2"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert f"Tested: {len(TABLE)}" in done.stdout
    assert "Missing test data" not in done.stdout
