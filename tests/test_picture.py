"""The PNG: it can be decoded, and its words are there on a machine without any font."""

import os
import subprocess
import sys

import pytest
import resvg_py
from pixels import read
from test_chart import SCENES

from monitor.chart import DARK, LIGHT, NARROW, WIDE, draw
from monitor.picture import SHARPNESS, png

HEADER = 60 * SHARPNESS
"""Above it there is nothing but words."""


def colour(name: str, palette: object = LIGHT) -> tuple[int, int, int]:
    assert isinstance(palette, dict)
    return (int(palette[name][1:3], 16), int(palette[name][3:5], 16), int(palette[name][5:7], 16))


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_png_is_twice_as_sharp_as_its_size_and_shows_line_words_and_ground(size: tuple[float, float]) -> None:
    found = read(png(draw(SCENES["falling, topped up, with a cone"], size)))
    assert found.size == (size[0] * SHARPNESS, size[1] * SHARPNESS)
    assert found.count(colour("ink"), bottom=HEADER) > 200
    assert found.count(colour("line"), top=HEADER) > 1000
    assert found.count(colour("ground")) > 100_000


def test_a_dark_one_is_dark() -> None:
    found = read(png(draw(SCENES["flat"], NARROW, palette=DARK)))
    assert found.count(colour("ground", DARK)) > 100_000
    assert found.count(colour("ground", LIGHT)) == 0


def test_nothing_is_drawn_at_its_very_edge() -> None:
    for name, scene in SCENES.items():
        found = read(png(draw(scene, NARROW)))
        wide, high = found.size
        ground = found.count(colour("ground"))
        inside = found.count(colour("ground"), 4, 4, wide - 4, high - 4)
        assert ground - inside == wide * high - (wide - 8) * (high - 8), name


def test_words_need_no_font_of_the_machine() -> None:
    drawn = draw(SCENES["flat"], NARROW)
    without = resvg_py.svg_to_bytes(svg_string=drawn, zoom=SHARPNESS, skip_system_fonts=True)
    assert read(bytes(without)).count(colour("ink"), bottom=HEADER) == 0  # this is how all words vanish
    assert read(png(drawn)).count(colour("ink"), bottom=HEADER) > 200


def test_it_is_the_same_picture_wherever_the_machine_has_its_fonts() -> None:
    program = (
        "import sys, hashlib; sys.path.insert(0, 'tests'); from test_chart import SCENES\n"
        "from monitor.chart import NARROW, draw; from monitor.picture import png\n"
        "print(hashlib.sha256(png(draw(SCENES['flat'], NARROW))).hexdigest())"
    )
    nowhere = {"FONTCONFIG_FILE": "/nonexistent", "FONTCONFIG_PATH": "/nonexistent", "HOME": "/nonexistent"}
    found = set()
    for environment in ({**os.environ}, {**os.environ, **nowhere, "XDG_DATA_HOME": "/nonexistent"}):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env=environment
        )
        found.add(done.stdout)
    assert len(found) == 1


def test_without_its_font_nothing_is_drawn_rather_than_a_picture_without_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    package = os.path.join(tmp_path, "fontpkg_inter")  # noqa: PTH118 - of a folder that is gone again at once
    os.mkdir(package)  # noqa: PTH102
    with open(os.path.join(package, "__init__.py"), "w"):  # noqa: PTH118, PTH123
        pass
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "fontpkg_inter", raising=False)
    with pytest.raises(FileNotFoundError, match="Inter"):
        png(draw(SCENES["flat"], NARROW))
    monkeypatch.delitem(sys.modules, "fontpkg_inter")


def test_the_daemon_loads_no_rasteriser_before_the_first_picture() -> None:
    program = "import sys, monitor.app, monitor.picture; print('resvg_py' in sys.modules, 'fontpkg' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False False\n"
