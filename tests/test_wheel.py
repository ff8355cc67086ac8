"""The wheel is whole: built from a clean copy, installed into a fresh environment, it runs.

Without a `src/` folder only this notices a file that is missing from it.
"""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "payment_cli"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

#: What only developers read.
NOT_IN_IT = {"README.md"}


def _pip(*words: str | Path) -> None:
    offline = ("--disable-pip-version-check", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *offline, *map(str, words)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without the network."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, source / "payment_cli", ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", place / "dist", source)
    [built] = (place / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; its dependencies are those of the tests' own."""
    place = tmp_path_factory.mktemp("fresh")
    venv.create(place, with_pip=False, symlinks=True)
    _pip("--python", place / "bin/python", "install", "--no-index", "--no-deps", wheel)
    [packages] = place.glob("lib/python*/site-packages")
    # A folder that a .pth file names is searched, its own .pth files are not read: the editable
    # install of this checkout stays out.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place


def test_every_file_of_the_package_is_in_it(wheel: Path) -> None:
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    wanted = {str(path.relative_to(ROOT)) for path in files if path.name not in NOT_IN_IT}
    assert {"payment_cli/py.typed", "payment_cli/web/page.css"} <= wanted
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name for name in names if name.startswith("payment_cli/")} == wanted
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests", "examples")) for name in names)


@pytest.mark.parametrize("program", ["pay", "payment"])
def test_its_programs_run_in_a_fresh_environment(
    installed: Path, tmp_path: Path, program: str
) -> None:
    done = subprocess.run(
        [installed / "bin" / program, "--version"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (0, f"payment-cli {PROJECT['version']}\n"), done.stderr


def test_what_runs_is_what_was_installed(installed: Path, tmp_path: Path) -> None:
    where = "import payment_cli.web as web; print(web.__file__)"
    done = subprocess.run(
        [installed / "bin/python", "-c", where], capture_output=True, text=True, cwd=tmp_path
    )
    assert Path(done.stdout.strip()).is_relative_to(installed), done.stdout + done.stderr
