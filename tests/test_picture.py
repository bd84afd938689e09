"""The PNG: it can be decoded, and its words are there on a machine without any font."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import resvg_py
from pixels import read
from test_chart import SCENES

from monitor.chart import DARK, LIGHT, NARROW, WIDE, draw
from monitor.picture import SHARPNESS, _apart, apart, png

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


@pytest.mark.slow
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
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "fontpkg_inter").mkdir()
    (tmp_path / "fontpkg_inter" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="Inter"):
        png(draw(SCENES["flat"], NARROW))


def test_the_daemon_never_loads_the_rasteriser_itself() -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests'); import monitor.app; from monitor.chart import NARROW, draw\n"
        "from monitor.picture import apart; from test_chart import SCENES\n"
        "print(len(apart(draw(SCENES['flat'], NARROW))) > 1000, 'resvg_py' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True False\n"


def test_a_picture_drawn_apart_is_the_same_and_drawn_once() -> None:
    drawn = draw(SCENES["negative"], NARROW)
    first = apart(drawn)
    assert first == png(drawn)
    assert apart(drawn) is first


def test_a_picture_that_many_channels_want_at_once_is_drawn_once_and_holds_none_of_them_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "resvg_py.py").write_text(
        "import os, time\n"
        "def svg_to_bytes(**_):\n    time.sleep(0.3)\n    open('drawn', 'a').write('x')\n    return b'picture'\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.chdir(tmp_path)
    got: list[bytes] = []
    threads = [threading.Thread(target=lambda: got.append(apart("<svg>wanted</svg>"))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == [b"picture"] * 50  # two at a time, 0.3 s each, most would have waited for too long
    assert (tmp_path / "drawn").read_text() == "x"


def test_other_threads_go_on_while_a_picture_is_drawn() -> None:
    _apart.cache_clear()
    drawing = threading.Thread(target=apart, args=(draw(SCENES["polls fail"], NARROW),))
    drawing.start()
    rounds = 0
    while drawing.is_alive():
        time.sleep(0.001)
        rounds += 1
    assert rounds > 10  # drawn in this process, it would be two or three


def test_the_process_that_draws_is_told_no_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spy = "import os, sys\ndef svg_to_bytes(**_): return repr(sorted(os.environ)).encode()\n"
    (tmp_path / "resvg_py.py").write_text(spy)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("BALANCE_MONITOR_ACCOUNTS__MAIN__API_KEY", "sk-planted-1234")
    monkeypatch.setenv("LEGNEXT_API_KEY", "sk-planted-1234")
    names = apart("<svg>planted</svg>").decode()
    assert "PYTHONPATH" in names
    assert "API_KEY" not in names


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise RuntimeError('planted')", "ended with 1: .*planted"),
        ("import os; os.abort()", "ended with -6"),
        ("return b''", "ended with 0"),
    ],
)
def test_a_rasteriser_that_fails_even_if_it_takes_its_process_along_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, error: str
) -> None:
    (tmp_path / "resvg_py.py").write_text(f"def svg_to_bytes(**_):\n    {body}\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(RuntimeError, match=f"(?s){error}"):
        apart("<svg>failing</svg>")


def test_a_picture_waits_for_two_others_but_not_for_long(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "resvg_py.py").write_text("def svg_to_bytes(svg_string, **_): open(svg_string).read()\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    pipes = [tmp_path / name for name in ("one", "two")]
    for pipe in pipes:
        os.mkfifo(pipe)  # who reads it waits
    threads = [threading.Thread(target=_fails, args=(str(pipe),)) for pipe in pipes]
    for thread in threads:
        thread.start()
    writers = [pipe.open("w") for pipe in pipes]  # both are at work
    with pytest.raises(TimeoutError, match="too many pictures"):
        apart("<svg>third</svg>")
    for writer in writers:
        writer.close()
    for thread in threads:
        thread.join(20)


def _fails(svg: str) -> None:
    with pytest.raises(RuntimeError):
        apart(svg)


def test_should_memory_run_out_the_rasteriser_goes_before_the_daemon() -> None:
    script = "from monitor import picture; picture.go_first(); print(open('/proc/self/oom_score_adj').read())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1000"
