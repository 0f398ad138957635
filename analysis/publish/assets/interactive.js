/* The chart that a reader can change. The sliders set the parameters of a Vega chart, whose own expressions give the
   result; nothing is computed here. Vega, which is large, is fetched from the book's own folder when it is needed. */
(() => {
  "use strict";
  const library = new URL("vega.js", document.currentScript.src).href;
  // What the chart needs beside its plot for the words at the axis, and how narrow the plot may be, in pixels.
  const AXIS_WIDTH = 85;
  const LEAST_WIDTH = 180;
  let loading = null;

  function loadLibrary() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = library;
      script.onload = resolve;
      script.onerror = () => reject(new Error(`${library} kunde inte hämtas`));
      document.head.append(script);
    });
    return loading;
  }

  function written(value, decimals) {
    const text = new Intl.NumberFormat("sv-SE", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    }).format(value);
    // As the rest of the book: a true minus, and never minus zero.
    return /[1-9]/.test(text) ? text.replace("-", "−") : text.replace(/[-−]/, "");
  }

  function start(figure) {
    const specification = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const panel = figure.querySelector(".ab-reglage");
    const result = figure.querySelector("[data-ab-resultat]");
    const live = figure.querySelector(".ab-levande");
    const drawn = result.textContent;
    const chosen = figure.querySelector("[data-ab-utgang]");
    const sliders = specification.sliders.map((slider) => {
      const input = figure.querySelector(`[data-ab-reglage="${slider.name}"]`);
      return { ...slider, input, output: input.parentElement.querySelector("output") };
    });
    let values = { ...specification.starts[0] };
    let view = null;
    let busy = false;
    let waiting = false;

    function amount(tkr) {
      const large = Math.abs(tkr) >= specification.smallest_in_mnkr;
      return large ? `${written(tkr / 1000, 1)}\u00a0mnkr` : `${written(tkr, 0)}\u00a0tkr`;
    }

    function sentence() {
      const words = specification.sentences;
      const saved = view.signal("besparing");
      const breakEven = view.signal("brytpunkt");
      const kind = written(saved, 0) === "0" ? "lika" : saved > 0 ? "sparar" : "kostar";
      const parts = [
        words[kind].replace("{belopp}", amount(Math.abs(saved))),
        words.netto
          .replace("{leverantor}", amount(view.signal("netto_leverantor")))
          .replace("{egen}", amount(view.signal("netto_egen"))),
      ];
      if (Number.isFinite(breakEven)) parts.push(words.brytpunkt.replace("{brytpunkt}", written(breakEven, 2)));
      return parts.join(" ");
    }

    function showValue(slider) {
      const text = `${written(values[slider.name] / slider.factor, slider.decimals)}\u00a0${slider.unit}`;
      slider.output.textContent = text;
      slider.input.setAttribute("aria-valuetext", text);
    }

    async function openView() {
      await loadLibrary();
      live.hidden = false;
      // Drawn as wide as there is room for, so that its words are not shrunk in a narrow window.
      const room = live.clientWidth - AXIS_WIDTH;
      const chart = { ...specification.chart, width: Math.min(specification.chart.width, Math.max(room, LEAST_WIDTH)) };
      // `ast` has Vega interpret its expressions instead of compiling them, which a strict security policy forbids.
      const embedded = await window.vegaEmbed(live.firstElementChild, chart, {
        mode: "vega-lite",
        ast: true,
        actions: false,
        renderer: "svg",
        tooltip: false,
        defaultStyle: false,
        formatLocale: specification.format,
      });
      view = embedded.view;
      figure.classList.add("ab-startad");
    }

    // One run at a time: what changes while Vega works is taken in the next.
    async function update() {
      waiting = true;
      if (busy) return;
      busy = true;
      try {
        if (!view) await openView();
        while (waiting) {
          waiting = false;
          for (const [name, value] of Object.entries(values)) view.signal(name, value);
          await view.runAsync();
          result.textContent = sentence();
          live.setAttribute("aria-label", `${figure.querySelector(".ab-rubrik").textContent}. ${result.textContent}`);
        }
      } catch (error) {
        // Back to what the page is without the script: the drawn chart and the sentence beside it.
        panel.hidden = true;
        live.hidden = true;
        figure.classList.remove("ab-startad");
        result.textContent = drawn;
        console.error(error);
      } finally {
        busy = false;
      }
    }

    function begin() {
      values = { ...specification.starts[Number(chosen.value)] };
      for (const slider of sliders) {
        slider.input.value = values[slider.name] / slider.factor;
        showValue(slider);
      }
      update();
    }

    for (const slider of sliders) {
      slider.input.addEventListener("input", () => {
        values[slider.name] = Number(slider.input.value) * slider.factor;
        showValue(slider);
        update();
      });
    }
    chosen.addEventListener("change", begin);
    figure.querySelector("[data-ab-aterstall]").addEventListener("click", begin);
    // A browser that returns to the page may keep its last choice in the list.
    chosen.selectedIndex = 0;
    panel.hidden = false;
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        update();
      },
      { rootMargin: "300px" },
    );
    observer.observe(figure);
  }

  document.querySelectorAll("figure.ab-interaktiv").forEach(start);
})();
