"""What was written yesterday has to mean the same tomorrow."""

import runpy
from pathlib import Path

import pytest

VECTORS = Path(__file__).parents[2] / "vectors"


def test_golden_file_is_what_the_script_writes():
    golden = runpy.run_path(str(VECTORS / "regenerate.py"))["golden"]
    assert golden() == (VECTORS / "golden.json").read_text("utf-8")


@pytest.mark.parametrize("path", sorted(VECTORS.rglob("*.*")), ids=lambda path: path.name)
def test_every_vector_stands_in_the_readme(path):
    page = (VECTORS / "README.md").read_text("utf-8")
    named = [path.name, f"`{path.parent.name}/*{path.suffix}`", f"`{path.parent.name}/*.input{path.suffix}`"]
    assert path.name == "README.md" or any(name in page for name in named)
