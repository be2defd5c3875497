"""The parts of hosts_wheels.sh that look: into wheels, at what the READMEs print, at what imports.

    python -m benchmarks.hosts_wheels contents WHEEL...
    python -m benchmarks.hosts_wheels readmes REPOSITORY
    python -m benchmarks.hosts_wheels light

It needs nothing but the standard library, so that it runs where only the wheels are installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "integrations/langchain-lca/README.md",
    "integrations/llama-index-lca/README.md",
)
FOLDERS = {
    "lca_rag": "lca_rag",
    "langchain_lca": "integrations/langchain-lca/langchain_lca",
    "llama_index_lca": "integrations/llama-index-lca/llama_index_lca",
}
HEAVY = ("torch", "transformers", "sentence_transformers", "chromadb", "fastapi")


def contents(wheels: list[str]) -> None:
    """A wheel must hold every tracked file, `py.typed` and the model among them, and a licence."""
    for wheel in wheels:
        package = Path(wheel).name.split("-")[0]
        folder = FOLDERS[package]
        listed = subprocess.run(
            ["git", "ls-files", "-z", folder], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        tracked = {name.replace(folder, package, 1) for name in listed.split("\0") if name}
        with zipfile.ZipFile(wheel) as opened:
            held = set(opened.namelist())
            size = sum(info.file_size for info in opened.infolist())
        missing = sorted(tracked - held)
        needed = {f"{package}/py.typed"}
        if package == "lca_rag":
            needed |= {"lca_rag/models/mini/model.safetensors", "lca_rag/demo/demo.zip"}
        missing += sorted(needed - held)
        if not any(name.endswith(".dist-info/licenses/LICENSE") for name in held):
            missing.append("LICENSE")
        foreign = sorted(n for n in held if not n.startswith((f"{package}/", f"{package}-")))
        if missing or foreign:
            raise SystemExit(f"{wheel}: missing {missing}, foreign {foreign}")
        print(f"{Path(wheel).name}: {len(held)} files, {size / 1e6:.1f} MB, py.typed and all data")


def readmes(repository: Path) -> None:
    """The Python block of each README prints what stands below it, from another folder."""
    for page in PAGES:
        text = (repository / page).read_text("utf-8")
        code, shown = (
            re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[0]
            for language in ("python", "text")
        )
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-I", "-c", code],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode or done.stdout.strip() != shown.strip():
            raise SystemExit(f"{page} prints\n{done.stdout}{done.stderr}\nand not\n{shown}")
        print(f"{page}: prints what it shows")


def light() -> None:
    """Importing an adapter imports nothing heavy, and comes from the installation."""
    for package in ("langchain_lca", "llama_index_lca"):
        code = (
            f"import sys, {package}; print({package}.__file__); "
            f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
        )
        place, heavy = done.stdout.splitlines()
        if heavy != "[]" or "site-packages" not in place:
            raise SystemExit(f"import {package} from {place} imports {heavy}")
        print(f"import {package}: imports none of {', '.join(HEAVY)}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["contents", *wheels]:
            contents(wheels)
        case ["readmes", repository]:
            readmes(Path(repository))
        case ["light"]:
            light()
        case _:
            raise SystemExit(__doc__)
