// Draws the charts. Everything else of the page is there without it.
"use strict";

(() => {
  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const root = document.documentElement;
  const STROKES = { solid: [], dashed: [8, 4], dotted: [2, 3], dash_dot: [9, 3, 2, 3] };
  const POINTS = ["circle", "rect", "rectRot", "crossRot", "star", "triangle", "cross", "line"];
  const PHASES_PX = 18; // over a chart: a line with the names of the phases,
  const MARK_PX = 16; // and over that one for each mark, so that no label covers data
  const drawn = new Map(); // canvas -> Chart
  root.classList.add("js");

  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const series = (index) => colour("c" + (index % 8));
  const elements = (selector, of = document) => [...of.querySelectorAll(selector)];

  // Figures

  const digits = (value) =>
    Number(value.toPrecision(3)).toLocaleString("en-US", { maximumSignificantDigits: 6 });

  function duration(ms) {
    if (ms >= 1000) return digits(ms / 1000) + " s";
    if (ms >= 1) return digits(ms) + " ms";
    return ms >= 1e-3 ? digits(ms * 1e3) + " µs" : digits(ms * 1e6) + " ns";
  }

  function percentile(stretch) {
    // As many decimals as it takes to tell 99.9 from 99.99.
    const decimals = Math.max(0, Math.ceil(Math.log10(stretch) - 1e-9) - 1);
    return "p" + Number((100 * (1 - 1 / stretch)).toFixed(decimals));
  }

  const FIGURES = {
    number: digits,
    seconds: (value) => digits(value) + " s",
    milliseconds: duration,
    percent: (value) => digits(value) + " %",
    percentile,
  };

  // Axes

  const isLog = (axis) => axis.scale === "milliseconds" || axis.scale === "percentile";

  /** What a line or a bar of this chart shows on an axis, bands included. */
  function valuesOn(chart, right) {
    const values = [];
    for (const line of chart.lines) {
      if (Boolean(line.right) !== right) continue;
      for (const list of [line.y, line.low || [], line.high || []]) {
        values.push(...list.filter((value) => value !== null));
      }
    }
    return values;
  }

  /** 1, 2, 5, 10, ...: the one at or next to `value`, downwards or upwards. */
  function round125(value, up) {
    const power = 10 ** Math.floor(Math.log10(value) + 1e-9);
    const steps = up ? [1, 2, 5, 10] : [5, 2, 1];
    const above = (step) => step * power >= value * (1 - 1e-9);
    const below = (step) => step * power <= value * (1 + 1e-9);
    return steps.find(up ? above : below) * power;
  }

  function logTicks(axis, wide) {
    const decades = Math.log10(axis.max / axis.min);
    const steps = decades > (wide ? 4 : 2.5) ? [1] : [1, 2, 5];
    const ticks = [];
    for (let power = Math.floor(Math.log10(axis.min) - 1e-9); 10 ** power <= axis.max; ++power) {
      for (const step of steps) {
        const value = Number((step * 10 ** power).toPrecision(6));
        if (value >= axis.min * (1 - 1e-9) && value <= axis.max * (1 + 1e-9)) ticks.push({ value });
      }
    }
    return ticks;
  }

  function percentileTicks(axis) {
    const known = [1, 2, 4, 10, 20, 100, 1000, 1e4, 1e5, 1e6, 1e7];
    return known.filter((value) => value <= axis.max * (1 + 1e-9)).map((value) => ({ value }));
  }

  function scaleOf(chart, axis, { right = false, horizontal = false } = {}) {
    const scale = {
      type: isLog(axis) ? "logarithmic" : "linear",
      title: { display: true, text: axis.label, color: colour("soft") },
      grid: { color: colour("grid"), drawOnChartArea: !right, borderColor: colour("line") },
      ticks: { color: colour("soft"), maxRotation: 0, autoSkip: true, autoSkipPadding: 12 },
    };
    // The unit of time stands in the axis' label.
    const figure = axis.scale === "seconds" ? digits : FIGURES[axis.scale];
    scale.ticks.callback = (value) => figure(value);
    if (horizontal) {
      const x = chart.lines.flatMap((line) => line.points.map((point) => point.x));
      scale.min = axis.scale === "percentile" ? 1 : 0;
      scale.max = Math.max(...x, ...chart.shades.map((shade) => shade.end));
      if (axis.scale === "percentile") {
        scale.afterBuildTicks = (built) => { built.ticks = percentileTicks(built); };
      }
      return scale;
    }
    const values = valuesOn(chart, right);
    if (isLog(axis)) {
      const positive = values.filter((value) => value > 0);
      // The least bar is to have some height.
      const room = chart.categories.length ? 2 : 1;
      scale.min = positive.length ? round125(Math.min(...positive) / room, false) : 1;
      scale.max = positive.length ? round125(Math.max(...positive), true) : 10;
      if (scale.max <= scale.min) scale.max = scale.min * 10;
      scale.afterBuildTicks = (built) => { built.ticks = logTicks(built, chart.tall); };
      scale.ticks.autoSkip = false;
    } else if (axis.scale === "percent") {
      scale.min = 0;
      scale.max = 100;
    } else {
      scale.beginAtZero = true;
      scale.grace = "6%";
    }
    scale.stacked = chart.stacked;
    scale.position = right ? "right" : "left";
    return scale;
  }

  // What lies behind and over the lines: phases, the lift, gaps

  function clipped(context, text, width) {
    if (context.measureText(text).width <= width) return text;
    const tooLong = () => context.measureText(text + "…").width > width;
    while (text.length > 1 && tooLong()) text = text.slice(0, -1);
    return text.length > 3 ? text + "…" : "";
  }

  const frame = {
    id: "frame",
    beforeDatasetsDraw(drawing) {
      const { ctx, chartArea: area, scales } = drawing;
      const model = drawing.options.model;
      ctx.save();
      ctx.font = "11px " + drawing.options.font.family;
      ctx.textBaseline = "bottom";
      model.shades.forEach((shade, i) => {
        const left = Math.max(scales.x.getPixelForValue(shade.begin), area.left);
        const right = Math.min(scales.x.getPixelForValue(shade.end), area.right);
        if (right <= left) return;
        if (i % 2 === 0) {
          ctx.fillStyle = colour("shade");
          ctx.fillRect(left, area.top, right - left, area.bottom - area.top);
        }
        ctx.fillStyle = colour("soft");
        // Half a name says nothing: it stands whole or not at all.
        if (ctx.measureText(shade.label).width < right - left - 4) {
          ctx.textAlign = "center";
          ctx.fillText(shade.label, (left + right) / 2, area.top - 4);
        }
      });
      ctx.restore();
    },
    afterDatasetsDraw(drawing) {
      const { ctx, chartArea: area, scales } = drawing;
      const model = drawing.options.model;
      ctx.save();
      ctx.textBaseline = "top";
      const label = (text, x, y, weight, toLeft) => {
        ctx.font = weight + " 12px " + drawing.options.font.family;
        const room = (toLeft ? x : drawing.width - x) - 10;
        // On a phone the end of it ("lifted at 15 s") says more than its beginning.
        const fits = ctx.measureText(text).width <= room;
        const short = fits ? text : text.slice(text.lastIndexOf(": ") + 1).trim();
        const words = clipped(ctx, short, room);
        ctx.textAlign = toLeft ? "right" : "left";
        ctx.fillStyle = colour("ink");
        ctx.fillText(words, toLeft ? x - 6 : x + 6, y);
      };
      model.marks.forEach((mark, i) => {
        const x = scales.x.getPixelForValue(mark.x);
        if (x < area.left || x > area.right) return;
        ctx.strokeStyle = colour("ink");
        ctx.lineWidth = 1.5;
        ctx.beginPath();
        const top = area.top - PHASES_PX - MARK_PX * (i + 1);
        ctx.moveTo(x, top);
        ctx.lineTo(x, area.bottom);
        ctx.stroke();
        label(mark.label, x, top + 1, "600", x > (area.left + area.right) / 2);
      });
      model.gaps.forEach((gap, i) => {
        const x = scales.x.getPixelForValue(gap.x);
        // The gap lies to the right of where it begins, and so does its label.
        if (x < area.left || x > area.right) return;
        label(gap.label, x, area.top + 6 + MARK_PX * i, "400", false);
      });
      ctx.restore();
    },
  };

  // Lines and bars

  function withPoints(chart) {
    for (const line of chart.lines) {
      const at = (i) => (line.even ? line.even[0] + i * line.even[1] : line.x ? line.x[i] : i);
      const points = (values) => values.map((y, i) => ({ x: at(i), y }));
      line.points = points(line.y);
      line.band = line.low ? [points(line.low), points(line.high)] : null;
      line.hidden = false;
    }
  }

  /** Bars differ by texture, too. */
  function texture(index, context) {
    const base = series(index);
    if (index % 4 === 0) return base;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = base;
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = colour("panel");
    pen.globalAlpha = 0.55;
    pen.lineWidth = 1.5;
    pen.beginPath();
    const across = (x, from, to) => {
      pen.moveTo(x, from);
      pen.lineTo(x + 8, to);
    };
    // Slanted lines go on in the tiles beside.
    if (index % 4 === 1) [-8, 0, 8].forEach((x) => across(x, 8, 0));
    if (index % 4 === 2) across(0, 4, 4);
    if (index % 4 === 3) [-8, 0, 8].forEach((x) => across(x, 0, 8));
    pen.stroke();
    return context.createPattern(tile, "repeat");
  }

  function lineData(line, index) {
    const base = series(line.colour);
    const marked = new Set(line.marked || []);
    const every = Math.max(1, Math.ceil(line.points.length / 9));
    const present = (i) => i >= 0 && i < line.points.length && line.points[i].y !== null;
    const radius = (i) => {
      if (marked.has(i)) return 5;
      if (present(i) && !present(i - 1) && !present(i + 1)) return 3; // nothing to join it to
      return !line.stepped && i % every === Math.floor(every / 2) ? 3.5 : 0;
    };
    return {
      label: line.label,
      data: line.points,
      yAxisID: line.right ? "right" : "y",
      stepped: line.stepped ? "before" : false,
      borderColor: base,
      backgroundColor: base,
      borderWidth: line.stroke === "solid" ? 2 : 1.75,
      borderDash: STROKES[line.stroke],
      pointRadius: line.points.map((_, i) => radius(i)),
      pointStyle: line.points.map((_, i) => (marked.has(i) ? "triangle" : POINTS[line.colour % 8])),
      pointBackgroundColor: line.points.map((_, i) => (marked.has(i) ? colour("panel") : base)),
      pointHoverRadius: 5,
      pointBorderWidth: 1.5,
      clip: 6, // a point on the border is drawn whole
      hidden: line.hidden,
      order: index,
      line,
    };
  }

  function bandData(line) {
    const [low, high] = line.band;
    const common = {
      pointRadius: 0,
      pointHoverRadius: 0,
      borderWidth: 0,
      yAxisID: "y",
      hidden: line.hidden,
      band: true,
      order: 100, // behind the lines
      line,
    };
    const fill = series(line.colour) + "30";
    return [
      { ...common, data: low, fill: false, borderColor: "transparent" },
      { ...common, data: high, fill: "-1", backgroundColor: fill, borderColor: "transparent" },
    ];
  }

  function datasets(chart, context) {
    if (chart.categories.length) {
      return chart.lines.map((line) => ({
        label: line.label,
        data: line.y,
        backgroundColor: texture(line.colour, context),
        borderColor: colour("panel"),
        borderWidth: 1,
        maxBarThickness: 72,
        categoryPercentage: 0.55,
        hidden: line.hidden,
        line,
      }));
    }
    const bands = chart.lines.filter((line) => line.band).flatMap(bandData);
    return [...bands, ...chart.lines.map(lineData)];
  }

  function tooltip(chart) {
    const axisOf = (set) => (set.line.right ? chart.right : chart.y);
    return {
      backgroundColor: colour("ink"),
      titleColor: colour("panel"),
      bodyColor: colour("panel"),
      padding: 10,
      usePointStyle: false,
      filter: (item) => !item.dataset.band,
      callbacks: {
        title: (items) => {
          if (!items.length) return "";
          if (chart.categories.length) return chart.categories[items[0].dataIndex];
          return FIGURES[chart.x.scale](items[0].parsed.x);
        },
        label: (item) => {
          // Units of plain numbers stand in the axis' label.
          const value = FIGURES[axisOf(item.dataset).scale](item.parsed.y);
          return item.dataset.label + ": " + value;
        },
        labelColor: (item) => {
          const base = series(item.dataset.line.colour);
          return { borderColor: base, backgroundColor: base };
        },
      },
    };
  }

  function options(chart, printing) {
    const wide = chart.categories.length > 0;
    const overTime = chart.shades.length > 0 || chart.marks.length > 0;
    const top = (overTime ? PHASES_PX : 4) + MARK_PX * chart.marks.length;
    const scales = { y: scaleOf(chart, chart.y) };
    if (wide) {
      scales.x = {
        stacked: chart.stacked,
        grid: { display: false },
        ticks: { color: colour("ink"), maxRotation: 60, autoSkip: false },
      };
    } else {
      scales.x = scaleOf(chart, chart.x, { horizontal: true });
    }
    if (chart.right) scales.right = scaleOf(chart, chart.right, { right: true });
    return {
      model: chart,
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      normalized: true,
      spanGaps: false,
      devicePixelRatio: printing ? 2 : undefined,
      layout: { padding: { top, right: 6 } },
      font: { family: getComputedStyle(document.body).fontFamily, size: 12 },
      interaction: { mode: wide ? "index" : "nearest", axis: "x", intersect: false },
      plugins: { legend: { display: false }, tooltip: tooltip(chart) },
      scales,
    };
  }

  function draw(canvas, printing = false) {
    const chart = charts.find((each) => each.id === canvas.dataset.chart);
    const old = drawn.get(canvas);
    if (old) old.destroy();
    chart.tall = canvas.parentElement.clientHeight > 250;
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    const drawing = new Chart(canvas, {
      type: chart.categories.length ? "bar" : "line",
      // "trial: tenant" takes two lines.
      data: {
        labels: chart.categories.map((name) => name.split(": ")),
        datasets: datasets(chart, canvas.getContext("2d")),
      },
      options: options(chart, printing),
      plugins: [frame],
    });
    drawn.set(canvas, drawing);
  }

  const canvases = () => elements("canvas[data-chart]");
  const drawAll = (printing) => canvases().forEach((canvas) => draw(canvas, printing));

  // Legends

  const SVG = "http://www.w3.org/2000/svg";
  // As texture() has them.
  const TEXTURES = [
    "", "M0 12L12 0M-4 6L6-4M8 16L18 6", "M0 3h14M0 9h14", "M2 0L14 12M-4 4L6 14M8-4L18 6",
  ];

  function swatch(line, bars) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("width", bars ? 14 : 30);
    svg.setAttribute("height", 12);
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    const stroke = "var(--c" + (line.colour % 8) + ")";
    path.setAttribute("d", bars ? "M0 0h14v12h-14z" : "M0 6h30");
    path.style.fill = bars ? stroke : "none";
    path.style.stroke = bars ? "none" : stroke;
    path.style.strokeWidth = 2.5;
    path.style.strokeDasharray = bars ? "" : STROKES[line.stroke].join(" ");
    svg.append(path);
    if (bars && TEXTURES[line.colour % 4]) {
      const pattern = document.createElementNS(SVG, "path");
      pattern.setAttribute("d", TEXTURES[line.colour % 4]);
      pattern.style.stroke = "var(--panel)";
      pattern.style.strokeWidth = 1.5;
      pattern.style.opacity = 0.6;
      svg.append(pattern);
    }
    return svg;
  }

  function button(label, icon, toggle) {
    const made = document.createElement("button");
    made.type = "button";
    made.setAttribute("aria-pressed", "true");
    made.append(icon, document.createTextNode(label));
    made.addEventListener("click", () => {
      const shown = made.getAttribute("aria-pressed") !== "true";
      made.setAttribute("aria-pressed", String(shown));
      toggle(shown);
    });
    return made;
  }

  function show(chart, lines, shown) {
    for (const line of lines) line.hidden = !shown;
    draw(canvases().find((canvas) => canvas.dataset.chart === chart.id));
  }

  function legendOf(box) {
    const chart = charts.find((each) => each.id === box.dataset.legend);
    const own = chart.lines.filter((line) => line.trial === undefined);
    for (const line of own) {
      const icon = swatch(line, chart.categories.length > 0);
      box.append(button(line.label, icon, (shown) => show(chart, [line], shown)));
    }
  }

  function legendOfTrials(box) {
    for (const name of elements("[data-trial]", box)) {
      const trial = Number(name.dataset.trial);
      const toggle = (shown) => {
        for (const chart of charts) {
          const lines = chart.lines.filter((line) => line.trial === trial);
          if (lines.length) show(chart, lines, shown);
        }
      };
      const icon = swatch({ colour: trial, stroke: "solid" }, false);
      name.replaceWith(button(name.textContent, icon, toggle));
    }
  }

  // Keyboard: the arrows walk along the points, and what is there is said

  function walk(canvas, step) {
    const drawing = drawn.get(canvas);
    const chart = drawing.options.model;
    const sets = drawing.data.datasets
      .map((set, i) => ({ set, i }))
      .filter(({ set }) => !set.band && !set.hidden);
    if (!sets.length) return;
    const longest = Math.max(...sets.map(({ set }) => set.data.length));
    const at = Math.min(Math.max((canvas.at ?? -1) + step, 0), longest - 1);
    canvas.at = at;
    const active = [];
    const said = [];
    for (const { set, i } of sets) {
      const point = set.data[at];
      const value = point !== null && typeof point === "object" ? point.y : point;
      if (value === null || value === undefined) continue;
      active.push({ datasetIndex: i, index: at });
      said.push(set.label + " " + FIGURES[(set.line.right ? chart.right : chart.y).scale](value));
    }
    if (!active.length) return;
    drawing.setActiveElements(active);
    const element = drawing.getDatasetMeta(active[0].datasetIndex).data[at];
    drawing.tooltip.setActiveElements(active, { x: element.x, y: element.y });
    drawing.update("none");
    const where = drawing.data.datasets[active[0].datasetIndex].data[at].x;
    const x = chart.categories.length ? chart.categories[at] : FIGURES[chart.x.scale](where);
    canvas.closest(".chart").querySelector(".readout").textContent = x + ": " + said.join(", ");
  }

  function keys(canvas) {
    canvas.addEventListener("keydown", (event) => {
      const far = 1e6;
      const steps = {
        ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -far, End: far,
      };
      if (!(event.key in steps)) return;
      event.preventDefault();
      walk(canvas, steps[event.key]);
    });
  }

  // Start, and again whenever light, dark or paper asks for other colours

  elements("[data-legend]").forEach(legendOf);
  elements("[data-trials]").forEach(legendOfTrials);
  for (const dot of elements(".dot")) {
    dot.style.background = "var(--c" + (dot.dataset.colour % 8) + ")";
  }
  charts.forEach(withPoints);
  canvases().forEach(keys);
  drawAll(false);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(false));
  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    drawAll(true);
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    drawAll(false);
  });
})();
