# Made by hubctl; the next deploy undoes changes made here. What users' servers do besides what Jupyter's do.
import sys

c = get_config()  # type: ignore[name-defined]  # noqa: F821  Jupyter gives it
# What says in JupyterLab how full the home is; jupyter_server_config.d has it loaded where homes have a limit.
sys.path.append("/usr/local/share/jupyter/labextensions/hub-home")
# Saves are told to the dashboard by the release that serves at the moment; what a server has loaded stays as it is.
sys.path.append("/opt/hub/dashboard/current")
try:
    from hub_runtime.dashboard.hook import saved, started  # type: ignore[import-untyped]
except ImportError:
    pass  # Whatever becomes of the dashboard, a server starts and saves.
else:
    c.FileContentsManager.post_save_hook = saved
    started()
finally:
    sys.path.remove("/opt/hub/dashboard/current")
