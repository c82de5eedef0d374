"""Sphinx extension of the book: chapters are executed at the same time, one a core, before the first page is read.

MyST-NB executes a chapter when it reads it, so one after the other, while the other cores wait. Here all chapters that
are about to be read are executed first; MyST-NB then finds their outputs in its cache. The cache begins empty at every
build, since it would not notice that the package has changed.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging

LOG = logging.getLogger(__name__)
KERNELS = min(os.cpu_count() or 1, 4)  # at once: each may take most of a gigabyte


def execute(path: Path, timeout: int) -> ExecutionResult:
    """The notebook at ``path``, executed beside itself by a kernel of its own."""
    notebook = nbformat.read(path, as_version=4)
    return single_nb_execution(notebook, cwd=str(path.parent), timeout=timeout, allow_errors=False)


def execute_chapters(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Execute those of the documents that are notebooks and leave their outputs where MyST-NB looks for them.

    Raises:
        ExtensionError: a cell of a chapter raised; the others were executed to their end.
    """
    settings = env.mystnb_config  # with the folder that MyST-NB chose, which app.config has not
    if settings.execution_mode != "cache":
        return
    folder = settings.execution_cache_path
    shutil.rmtree(folder, ignore_errors=True)
    cache = get_cache(folder)
    # In the book's order: the chapters that run long come first, so that no core is left alone with one at the end.
    paths = [Path(env.doc2path(name)) for name in app.config.external_site_map if name in names]
    chapters = [path for path in paths if path.suffix == ".ipynb"]
    failures = []
    with ThreadPoolExecutor(KERNELS) as pool:
        running = {pool.submit(execute, path, settings.execution_timeout): path for path in chapters}
        for done in as_completed(running):
            path, result = running[done], done.result()
            if result.err is not None:
                failures.append(f"{path.name}:\n{result.exc_string}")
                continue
            LOG.info("%s: executed in %.1f s", path.name, result.time)
            bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    if failures:
        raise ExtensionError("\n\n".join(failures))


def setup(app: Sphinx) -> dict:
    """Register with Sphinx."""
    app.connect("env-before-read-docs", execute_chapters)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
