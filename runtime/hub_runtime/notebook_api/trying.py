"""Running the cells tagged `test` before anything is served."""

from __future__ import annotations

from pathlib import Path

from .app import create_app
from .kernel import Tested, run_cell
from .listen import Listeners, bound
from .making import Maker
from .notebook import Notebook
from .pool import Pool
from .settings import Settings


async def try_out(notebook: Notebook, settings: Settings, folder: Path) -> None:
    """Run the notebook's tests, which ask its API on a folder of its own, so that what they leave is in no data.

    Raises:
        NotebookError: one fails, or the notebook's first run does.
    """
    if not notebook.tests:
        return
    place = folder / "test"
    place.mkdir(mode=0o700)
    address = place / "api.sock"
    pool = Pool(Maker(notebook, settings, folder, cwd=place).make, 1, settings.queued)
    await pool.start()
    try:
        listeners = Listeners(create_app(notebook, pool, settings), [("test", bound(str(address)))], grace=5)
        await listeners.choose()
        kernel = await Maker(
            notebook, settings, folder, cwd=place, tested=Tested(address, settings.token or "")
        ).make()
        try:
            for cell in notebook.tests:
                await run_cell(kernel, settings.path.name, cell)
        finally:
            await kernel.end()
            await listeners.end()
    finally:
        await pool.close()
