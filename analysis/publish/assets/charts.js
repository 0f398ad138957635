/* Charts that a reader can ask more of. Each stands in the page as a finished drawing; when it comes near the window, or
   is touched, Vega draws it anew, to the width that there is, with tooltips and series that can be turned off, and one
   of them with values to change. Vega, which is large, is fetched from the book's own folder, once, and only then. On
   any fault the finished drawing stands. */
(() => {
  "use strict";
  const library = new URL("vega.js", document.currentScript.src).href;
  const NEAR = "300px";
  // In a narrower place than this, in pixels, the words of a chart are smaller.
  const NARROW = 400;
  // How long a tooltip waits, in milliseconds, for a pointer on its way to it.
  const GRACE = 300;
  // How long, in milliseconds, the sliders rest before their result is read aloud.
  const REST = 600;
  let loading = null;

  function loadLibrary() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = library;
      script.onload = () => resolve(window.abDiagram);
      script.onerror = () => reject(new Error(`${library} kunde inte hämtas`));
      document.head.append(script);
    });
    return loading;
  }

  function specificationOf(figure) {
    return unpacked(JSON.parse(figure.querySelector(':scope > script[type="application/json"]').textContent));
  }

  /* What analysis/present/packed.py packs. */
  function unpacked({ shared, whole }) {
    const column = (values) => {
      let before;
      return values.map((value) => {
        const [first, text, last] = Array.isArray(value) ? value : [0, value, 0];
        before = first || last ? before.slice(0, first) + text + before.slice(before.length - last) : text;
        return before;
      });
    };
    const rows = (columns) => {
      const told = Object.entries(columns).map(([name, values]) => [name, column(values)]);
      return told[0][1].map((_, at) =>
        Object.fromEntries(told.map(([name, values]) => [name, values[at]]).filter(([, value]) => value !== null)),
      );
    };
    const inside = (part) => {
      if (part === null || typeof part !== "object") return part;
      if (Array.isArray(part)) return part.map(inside);
      if ("$" in part) return shared[part.$];
      if ("$rows" in part) return rows(inside(part.$rows));
      return Object.fromEntries(Object.entries(part).map(([name, one]) => [name, inside(one)]));
    };
    for (const [at, part] of shared.entries()) shared[at] = inside(part);
    return inside(whole);
  }

  /* A specification without the hidden series, and so much narrower. */
  function adjusted(specification, narrower, hidden) {
    const changed = { ...specification };
    if (changed.data?.values) {
      changed.data = { values: changed.data.values.filter((row) => !hidden.has(String(row.s))) };
    }
    if (changed.layer) changed.layer = changed.layer.map((layer) => adjusted(layer, 0, hidden));
    if (changed.vconcat) {
      changed.vconcat = changed.vconcat
        .filter((panel) => !hidden.has(panel.name?.replace("serie", "")))
        .map((panel) => adjusted(panel, narrower, hidden));
    }
    if (changed.width) changed.width -= narrower;
    return changed;
  }

  /* What a pointer over a mark, or a tap on it, shows. It stays while the pointer is on it, and Escape closes it. */
  class Tooltip {
    constructor(figure) {
      this.figure = figure;
      this.box = document.createElement("div");
      this.box.className = "ab-tips";
      this.box.hidden = true;
      this.box.addEventListener("pointerenter", () => clearTimeout(this.timer));
      this.box.addEventListener("pointerleave", () => this.hideSoon());
      figure.append(this.box);
      document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") this.hide();
      });
      document.addEventListener("pointerdown", (event) => {
        if (!figure.contains(event.target)) this.hide();
      });
    }

    follow(view) {
      for (const kind of ["pointermove", "click"]) {
        view.addEventListener(kind, (event, item) => this.over(event, item?.tooltip ? item : null, kind === "click"));
      }
      view.addEventListener("pointerout", () => this.over(null, null));
    }

    over(event, item, pressed = false) {
      if (!item) {
        this.shown = null;
        this.hideSoon();
      } else if (item === this.shown && !pressed) {
        if (!this.box.hidden) clearTimeout(this.timer);
      } else {
        this.shown = item;
        this.show(item.tooltip, event);
      }
    }

    show(text, event) {
      clearTimeout(this.timer);
      const lines = String(text).split("\n");
      this.box.replaceChildren(
        ...lines.map((line) => {
          const row = document.createElement("span");
          row.textContent = line;
          return row;
        }),
      );
      this.box.hidden = false;
      const place = this.figure.getBoundingClientRect();
      const left = Math.min(event.clientX - place.left + 10, place.width - this.box.offsetWidth);
      const above = event.clientY - place.top - this.box.offsetHeight - 10;
      const covered = event.clientY - this.box.offsetHeight - 10 < 0;
      this.box.style.left = `${Math.max(0, left)}px`;
      this.box.style.top = `${covered ? event.clientY - place.top + 16 : above}px`;
    }

    hideSoon() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.hide(), GRACE);
    }

    hide() {
      clearTimeout(this.timer);
      this.box.hidden = true;
    }
  }

  class Chart {
    constructor(figure, specification) {
      this.figure = figure;
      this.specification = specification;
      this.drawn = figure.querySelector(":scope > svg");
      this.hidden = new Set();
      this.signals = {};
      this.tooltip = new Tooltip(figure);
      this.live = document.createElement("div");
      this.live.className = "ab-levande";
      // Vega names every mark in English; the chart is one image with the drawing's name instead.
      this.live.setAttribute("role", "img");
      this.live.setAttribute("aria-label", this.drawn.getAttribute("aria-label"));
      this.inside = document.createElement("div");
      this.inside.setAttribute("aria-hidden", "true");
      this.live.append(this.inside);
      this.drawn.after(this.live);
      new ResizeObserver(() => {
        if (this.view && this.live.clientWidth !== this.width) this.change();
      }).observe(figure);
    }

    /* Start when the chart is near the window, touched or focused. */
    await() {
      const begin = () => {
        observer.disconnect();
        for (const kind of ["pointerdown", "focusin"]) this.figure.removeEventListener(kind, begin);
        this.update();
      };
      const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && begin(), {
        rootMargin: NEAR,
      });
      observer.observe(this.figure);
      for (const kind of ["pointerdown", "focusin"]) this.figure.addEventListener(kind, begin);
    }

    /* Draw it all anew: another width, or other series. */
    change() {
      this.stale = true;
      return this.update();
    }

    /* One run at a time: what changes while Vega works is taken in the next. */
    async update() {
      this.waiting = true;
      if (this.busy || this.failed) return;
      this.busy = true;
      try {
        while (this.waiting) {
          this.waiting = false;
          await this.draw();
        }
      } catch (error) {
        this.fail(error);
      } finally {
        this.busy = false;
      }
    }

    async draw() {
      const options = await loadLibrary();
      if (!this.view || this.stale) {
        this.stale = false;
        this.tooltip.hide();
        // As high as the drawing that it takes the place of, until the reader has chosen to see less.
        this.live.style.minHeight = this.hidden.size ? "" : `${this.drawn.getAttribute("height")}px`;
        this.width = this.live.clientWidth;
        const drawnWidth = Number(this.drawn.getAttribute("width"));
        const { least, most } = this.specification.usermeta;
        const room = Math.max(this.width, least);
        const narrower = drawnWidth - Math.min(room, Math.max(drawnWidth, most));
        this.view?.finalize();
        // `ast` has Vega interpret its expressions instead of compiling them, which a strict policy forbids.
        const embedded = await window.vegaEmbed(
          this.inside,
          adjusted(this.specification, narrower, this.hidden),
          {
            mode: "vega-lite",
            ast: true,
            actions: false,
            renderer: "svg",
            tooltip: false,
            defaultStyle: false,
            formatLocale: options.formatLocale,
            config: room < NARROW ? options.narrowConfig : options.config,
          },
        );
        this.view = embedded.view;
        this.tooltip.follow(this.view);
      }
      for (const [name, value] of Object.entries(this.signals)) this.view.signal(name, value);
      await this.view.runAsync();
      this.figure.classList.add("ab-startad");
      this.changed?.();
    }

    /* Back to what the page is without the script. */
    fail(error) {
      this.failed = true;
      this.tooltip.hide();
      this.live.remove();
      this.figure.classList.remove("ab-startad");
      this.figure.classList.add("ab-fel");
      this.fell?.();
      console.error(error);
    }
  }

  /* The name of a chart says which series are shown, where not all are, and where those who have no pointer find the
     values. */
  function tellSeries(figure, chart, shown) {
    const some = chart.hidden.size ? ` Visas: ${new Intl.ListFormat("sv").format(shown)}.` : "";
    const place = figure.querySelector(":scope > .ab-siffror") ? "under" : "efter";
    const drawn = chart.drawn.getAttribute("aria-label");
    chart.live.setAttribute("aria-label", `${drawn}${some} Värdena står i tabellen ${place} diagrammet.`);
  }

  /* Checkboxes for the series of a chart; the last that is shown cannot be turned off. */
  function startSeries(figure, chart) {
    const choices = figure.querySelector(":scope > .ab-serier");
    if (!choices) return;
    const boxes = [...choices.querySelectorAll("input")];
    chart.changed = () => {
      choices.hidden = false;
    };
    chart.fell = () => {
      choices.hidden = true;
    };
    choices.addEventListener("change", () => {
      const chosen = boxes.filter((box) => box.checked);
      for (const box of boxes) box.disabled = chosen.length === 1 && box.checked;
      chart.hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
      tellSeries(figure, chart, chosen.map((box) => box.closest("label").textContent.trim()));
      chart.change();
    });
  }

  function startPlain(figure) {
    const chart = new Chart(figure, specificationOf(figure));
    tellSeries(figure, chart);
    startSeries(figure, chart);
    chart.await();
  }

  function written(value, decimals) {
    const text = new Intl.NumberFormat("sv-SE", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    }).format(value);
    // As the rest of the book: a true minus, and never minus zero.
    return /[1-9]/.test(text) ? text.replace("-", "−") : text.replace(/[-−]/, "");
  }

  /* The chart that a reader can change. The sliders set the parameters of its Vega chart, whose own expressions give
     the result; nothing is computed here. */
  function startSliders(figure) {
    const specification = specificationOf(figure);
    const chart = new Chart(figure, specification.chart);
    const panel = figure.querySelector(".ab-reglage");
    const result = figure.querySelector("[data-ab-resultat]");
    const status = figure.querySelector("[data-ab-sagt]");
    const drawn = result.textContent;
    const chosen = figure.querySelector("[data-ab-utgang]");
    const sliders = specification.sliders.map((slider) => {
      const input = figure.querySelector(`[data-ab-reglage="${slider.name}"]`);
      return { ...slider, input, output: input.parentElement.querySelector("output") };
    });
    let values = {};
    let told = drawn;
    let timer;

    function amount(tkr) {
      const large = Math.abs(tkr) >= specification.smallest_in_mnkr;
      return large ? `${written(tkr / 1000, 1)}\u00a0mnkr` : `${written(tkr, 0)}\u00a0tkr`;
    }

    function sentence() {
      const words = specification.sentences;
      const saved = chart.view.signal("besparing");
      const breakEven = chart.view.signal("brytpunkt");
      const kind = written(saved, 0) === "0" ? "lika" : saved > 0 ? "sparar" : "kostar";
      const parts = [
        words[kind].replace("{belopp}", amount(Math.abs(saved))),
        words.netto
          .replace("{leverantor}", amount(chart.view.signal("netto_leverantor")))
          .replace("{egen}", amount(chart.view.signal("netto_egen"))),
      ];
      if (Number.isFinite(breakEven)) parts.push(words.brytpunkt.replace("{brytpunkt}", written(breakEven, 2)));
      return parts.join(" ");
    }

    function showValue(slider) {
      const text = `${written(values[slider.name] / slider.factor, slider.decimals)}\u00a0${slider.unit}`;
      slider.output.textContent = text;
      slider.input.setAttribute("aria-valuetext", text);
    }

    function choose() {
      values = { ...specification.starts[Number(chosen.value)] };
      chart.signals = values;
      for (const slider of sliders) {
        slider.input.value = values[slider.name] / slider.factor;
        showValue(slider);
      }
    }

    /* Each step of a slider gives a sentence; only the one at which the reader stops is read aloud. */
    function tellSoon(text) {
      clearTimeout(timer);
      if (text === told) return;
      timer = setTimeout(() => {
        told = text;
        status.textContent = text;
      }, REST);
    }

    chart.changed = () => {
      const found = sentence();
      if (result.textContent !== found) result.textContent = found;
      chart.live.setAttribute("aria-label", `${figure.querySelector(".ab-rubrik").textContent}. ${found}`);
      tellSoon(found);
    };
    chart.fell = () => {
      clearTimeout(timer);
      status.textContent = "";
      panel.hidden = true;
      result.textContent = drawn;
    };
    for (const slider of sliders) {
      slider.input.addEventListener("input", () => {
        values[slider.name] = Number(slider.input.value) * slider.factor;
        showValue(slider);
        chart.update();
      });
    }
    for (const [control, kind] of [[chosen, "change"], [figure.querySelector("[data-ab-aterstall]"), "click"]]) {
      control.addEventListener(kind, () => {
        choose();
        chart.update();
      });
    }
    // A browser that returns to the page may keep its last choice in the list.
    chosen.selectedIndex = 0;
    choose();
    panel.hidden = false;
    chart.await();
  }

  for (const figure of document.querySelectorAll("figure.ab-diagram")) {
    if (figure.classList.contains("ab-interaktiv")) startSliders(figure);
    else startPlain(figure);
  }
})();
