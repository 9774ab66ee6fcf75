"""Making kernels that have run the notebook."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from .kernel import Kernel, KernelDied, Tested, run_cell
from .notebook import Notebook, NotebookError
from .settings import Settings


class Maker:
    """Makes kernels that are alike.

    Args:
        notebook: what is run in them.
        settings: how long that may take, and by which interpreter.
        folder: a folder of a short path, for what belongs to the kernels' processes.
        cwd: where they run; by default where the settings say.
        tested: the API that the cells of the notebook's tests ask, in a kernel that runs those.
    """

    _numbers = itertools.count(1)

    def __init__(
        self,
        notebook: Notebook,
        settings: Settings,
        folder: Path,
        *,
        cwd: Path | None = None,
        tested: Tested | None = None,
    ) -> None:
        self._notebook, self._settings, self._folder = notebook, settings, folder
        self._cwd = cwd or Path(settings.folder)
        self._tested = tested

    async def make(self) -> Kernel:
        """Start a kernel and run the notebook in it.

        Raises:
            NotebookError: a cell fails, or it takes too long.
        """
        place = self._folder / str(next(self._numbers))
        place.mkdir(mode=0o700)
        environment = {
            "KERNEL_GATEWAY": "1",  # by which notebooks know that they are served
            "IPYTHONDIR": str(place),
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(self._notebook.folder), os.environ.get("PYTHONPATH")])
            ),
        }
        python = self._settings.python or sys.executable
        kernel = await Kernel.start(place, cwd=self._cwd, python=python, environment=environment)
        try:
            await asyncio.wait_for(self._run(kernel), self._settings.start_timeout)
        except BaseException as error:
            await kernel.end()
            raise self._said(error) from error
        return kernel

    async def _run(self, kernel: Kernel) -> None:
        await kernel.prepare(self._tested)
        for cell in self._notebook.first:
            await run_cell(kernel, self._settings.path.name, cell)

    def _said(self, error: BaseException) -> BaseException:
        name, seconds = self._settings.path.name, self._settings.start_timeout
        if isinstance(error, asyncio.TimeoutError):
            return NotebookError(f"{name}: its first run takes more than {seconds} s")
        if isinstance(error, KernelDied):
            return NotebookError(f"{name}: its kernel ended before it answered")
        return error
