"""Run every notebook as Google Colab would: its versions, and the package installed by the set-up cell itself.

A fresh environment, ``.venv-colab``, holds what Colab ships as near as this machine can, without our package. Git is
told, by environment variables alone, that the repository's address means a copy of this repository's last commit, so
the set-up cell's own line installs from here. The notebooks are copied out of the checkout, so that nothing but that
line can make the package importable.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from notebooks import ROOT, TIMEOUT, repository_address, stored

ENVIRONMENT = ROOT / ".venv-colab"
# What Colab shipped in August 2026, where it differs from what this book is built with. Its Python was 3.13 and its
# torch 2.11; both are those of this machine here, printed below. The kernel and its client are the oldest that go with
# that IPython.
COLAB = (
    "ipywidgets==7.7.1",
    "ipython==7.34.0",
    "ipykernel==6.17.1",
    "jupyter-client==7.4.9",
    "numpy==2.1.*",
    "matplotlib==3.10.*",
    "gymnasium==1.3.*",
    "setuptools<81",  # IPython 7.34 imports pkg_resources, which later ones no longer hold
)
RUNNER = """
import json, os, sys, nbformat
from datetime import datetime
from nbclient import NotebookClient
path, timeout = sys.argv[1], int(sys.argv[2])
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, timeout=timeout, kernel_name="python3",
               resources={"metadata": {"path": os.path.dirname(path)}}).execute()
views = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
         if "application/vnd.jupyter.widget-view+json" in output.get("data", {})]
setup = next(cell.metadata.execution for cell in notebook.cells if cell.cell_type == "code")
began, ended = (datetime.fromisoformat(setup[key].replace("Z", "+00:00"))
                for key in ("iopub.execute_input", "shell.execute_reply"))
print(json.dumps({"views": len(views), "setup": (ended - began).total_seconds()}))
"""


def fresh_environment() -> Path:
    """Create the environment anew; returns its python."""
    torch = next(
        line.split("#")[0].strip()
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line.startswith("torch==")
    )
    print(f"Creating {ENVIRONMENT.name} with {torch}, {', '.join(COLAB)}", flush=True)
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    python = ENVIRONMENT / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-qq", torch, *COLAB, "nbclient", "nbformat"], check=True)
    return python


def repository_copy(folder: Path) -> Path:
    """A bare copy of this repository in ``folder``, whose branch main is the commit checked out here."""
    copy = folder / "repository.git"
    git = ["git", "-c", "safe.directory=*"]
    dirty = subprocess.run([*git, "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    if dirty.strip():
        print("Note: changes that are not committed are not part of this run of the package", flush=True)
    subprocess.run([*git, "clone", "--quiet", "--bare", ROOT, copy], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    subprocess.run([*git, "update-ref", "refs/heads/main", head.strip()], cwd=copy, check=True)
    subprocess.run([*git, "symbolic-ref", "HEAD", "refs/heads/main"], cwd=copy, check=True)
    return copy


def colab_variables(copy: Path) -> dict[str, str]:
    """The environment variables under which the notebooks run."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("HELM_EXPLORER", "PYTHONPATH", "VIRTUAL_ENV")}
    settings = {f"url.{copy.as_uri()}.insteadOf": repository_address(), "safe.directory": "*"}
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for i, (key, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{i}": key, f"GIT_CONFIG_VALUE_{i}": value}
    return {**inherited, **variables, "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{inherited.get('PATH', '')}"}


def installed_commit(python: Path) -> str:
    """The commit from which pip says that it installed the package."""
    code = "from importlib.metadata import distribution as d; print(d('helm_tutorial').read_text('direct_url.json'))"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, cwd=python.parent)
    return json.loads(found.stdout)["vcs_info"]["commit_id"]


def main() -> int:
    """Run all notebooks; 0 when each ran to its end, live."""
    if shutil.which("git") is None:
        print("make colab: needs git, since the set-up cell installs from a git repository", file=sys.stderr)
        return 1
    python = fresh_environment()
    print(f"Python {sys.version.split()[0]} (Colab: 3.13)", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        variables = colab_variables(repository_copy(folder))

        def runs(notebook: Path) -> bool:
            path = folder / notebook.relative_to(ROOT)
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(notebook, path)
            began = time.monotonic()
            ran = subprocess.run(
                [python, "-c", RUNNER, path, str(TIMEOUT)], cwd=folder, env=variables, capture_output=True, text=True
            )
            seconds = time.monotonic() - began
            if ran.returncode:
                print(f"{path.name}: FAILED after {seconds:.1f} s\n{ran.stderr[-4000:]}", flush=True)
                return False
            found = json.loads(ran.stdout.splitlines()[-1])
            print(
                f"{path.name}: {seconds:.1f} s, {found['setup']:.1f} s of them in the set-up cell, "
                f"{found['views']} live widget(s)",
                flush=True,
            )
            return True

        first, *others = stored()
        alone = runs(first)  # its set-up cell installs the package for all
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            ran = dict(zip(stored(), [alone, *pool.map(runs, others)], strict=True))
        failed = [notebook.name for notebook, well in ran.items() if not well]
        if not failed:
            print(f"The package was installed by the set-up cell from commit {installed_commit(python)[:12]}")
    print(f"{len(stored()) - len(failed)} of {len(stored())} notebooks ran as on Colab", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
