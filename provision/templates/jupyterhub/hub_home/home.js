// Made by hubctl; the next deploy undoes changes made here.
"use strict";
// Says in JupyterLab when the home is nearly full, and when it is full, until there is room. As a module of
// JupyterLab's federation it is written by hand: it shares nothing, so there is nothing to build.
(() => {
  const EVERY = 60_000, NEARLY = 0.8, MEGA = 2 ** 20;
  const amount = (bytes) => bytes < 1024 * MEGA ? `${Math.round(bytes / MEGA)} MB` : `${(bytes / MEGA / 1024).toFixed(1)} GB`;
  let said = "", level = 0;

  async function look(app) {
    const token = document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1] ?? "";
    const address = `${app.serviceManager.serverSettings.baseUrl}hub-home`;
    const answer = await fetch(address, { cache: "no-store", headers: { "X-XSRFToken": token } });
    if (!answer.ok) return;
    const { used, limit } = await answer.json();
    const now = !limit || used < NEARLY * limit ? 0 : used < limit ? 1 : 2;
    const say = (command, about) => app.commands.execute(`apputils:${command}-notification`, { id: said, ...about });
    if (now === 0 && said) {
      await say("dismiss");
      said = "";
    } else if (now) {
      const about = {
        message: `Your home holds ${amount(used)} of the ${amount(limit)} that it may. `
          + "Delete what you do not need before nothing can be saved any more.",
        type: now === 1 ? "warning" : "error",
        options: { autoClose: false },
      };
      // One that was closed comes again when it has become worse.
      if (now > level) {
        if (said) await say("dismiss");
        said = await app.commands.execute("apputils:notify", about);
      } else if (said) await say("update", about);
    }
    level = now;
  }

  const plugin = {
    id: "hub-home:plugin",
    description: "Says when the home is nearly full.",
    autoStart: true,
    activate: (app) => {
      const again = () => look(app).catch(() => {}); // a server that is away is told of elsewhere
      app.started.then(again);
      setInterval(again, EVERY);
    },
  };
  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["hub-home"] = { init: () => {}, get: async () => () => ({ __esModule: true, default: plugin }) };
})();
