"""The package as a whole: its stubs, its example notebook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import decostop

HERE = Path(__file__).parent
CONFIG = HERE.parent / "pyproject.toml"


def test_stubs_say_what_is_there():
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy.stubtest",
            "decostop",
            "--mypy-config-file",
            str(CONFIG),
            # Cannot be imported where Spark is not installed.
            "--allowlist",
            str(HERE / "stubtest-allowlist.txt"),
            "--ignore-unused-allowlist",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_python_half_is_typed():
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(CONFIG), "--package", "decostop"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_public_is_documented():
    for name in decostop.__all__:
        thing = getattr(decostop, name)
        assert name == "__version__" or thing.__doc__, name


def test_example_notebook_runs():
    import nbclient
    import nbformat

    notebook = nbformat.read(HERE.parent / "examples" / "dive.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_readme_runs(tmp_path, monkeypatch):
    text = (HERE.parent / "README.md").read_text()
    code = text.split("```python\n", 1)[1].split("```", 1)[0]
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
