// Loads a page anew once what it shows has been built anew. Only `python -m analysis serve` adds it to pages.
(() => {
  const { version } = document.currentScript.dataset;
  let changes = null;

  // A browser opens few connections to a server, so a page that nobody sees keeps none; it asks when it is seen again.
  const listen = () => {
    changes?.close();
    changes = null;
    if (document.visibilityState === "hidden") return;
    changes = new EventSource(`/_serve/changes${location.pathname}`);
    changes.onmessage = (event) => {
      if (event.data !== version) location.reload();
    };
  };

  document.addEventListener("visibilitychange", listen);
  listen();
})();
