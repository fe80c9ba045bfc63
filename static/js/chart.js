// Draws the statistics with uPlot: gaps stay gaps, lines are named at their ends, colours come from the sheet.
// [data-charts=address] holds [data-chart=name] places; the numbers are fetched once for all of them.
const STEP_OF_EDGE = 10;
const DASH = [5, 3];
const said = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const grouped = (value) => said.format(value).replaceAll(",", "\u202f");

class Charts {
  constructor(root) {
    this.root = root;
    this.plots = new Map();
    this.data = null;
    this.places = [...root.querySelectorAll("[data-chart]")];
    this.sizes = new ResizeObserver((entries) => entries.forEach((entry) => this.resize(entry.target)));
    this.places.forEach((place) => {
      this.sizes.observe(place);
      place.addEventListener("keydown", (event) => this.key(event, place));
      place.addEventListener("click", () => this.follow(place));
    });
    const redraw = () => this.draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    document.body.addEventListener("live:stats", () => this.reload());
  }

  async reload() {
    if (document.hidden && this.data) return;
    try {
      const reply = await fetch(this.root.dataset.charts, { headers: { Accept: "application/json" } });
      if (!reply.ok) throw new Error(String(reply.status));
      this.data = await reply.json();
      this.draw();
    } catch {
      if (!this.data) this.places.forEach((place) => note(place, this.root.dataset.failed));
    }
  }

  colours() {
    const probes = this.root.querySelectorAll("[data-chart-colours] i");
    return Object.fromEntries([...probes].map((probe) => [probe.className.slice(2), getComputedStyle(probe).color]));
  }

  draw() {
    if (!this.data) return;
    const colours = this.colours();
    this.places.forEach((place) => {
      const chart = this.data.charts[place.dataset.chart];
      this.plots.get(place)?.plot.destroy();
      place.replaceChildren();
      const view = { ...this.data, ...chart, edges: chart.edges ?? this.data.edges };
      const plot = new window.uPlot(options(place, view, colours, this.root.dataset.noData), columns(view), place);
      this.plots.set(place, { plot, view });
    });
  }

  resize(place) {
    const plot = this.plots.get(place)?.plot;
    if (plot && place.clientWidth && (plot.width !== place.clientWidth || plot.height !== place.clientHeight)) {
      plot.setSize({ width: place.clientWidth, height: place.clientHeight });
    }
  }

  key(event, place) {
    const { plot, view } = this.plots.get(place) ?? {};
    if (!plot) return;
    const last = view.edges.length - 2;
    const at = plot.cursor.idx ?? last + 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - STEP_OF_EDGE, PageDown: at + STEP_OF_EDGE, Home: 0, End: last }[event.key];
    if (event.key === "Enter") return this.follow(place);
    if (to === undefined) return;
    event.preventDefault();
    const idx = Math.max(0, Math.min(last, to));
    plot.setCursor({ left: plot.valToPos(plot.data[0][idx], "x"), top: 0 });
  }

  // The events of that time; the newest step leads to the list of now.
  follow(place) {
    const { plot, view } = this.plots.get(place) ?? {};
    const at = plot?.cursor.idx;
    if (at === null || at === undefined) return;
    const isNow = view.edges[at + 1] >= view.now && view.newest && place.dataset.chart === "connections";
    if (isNow) location.assign(view.newest);
    else if (view.events) {
      location.assign(`${view.events}?since=${local(view.edges[at], view.zone)}&until=${local(view.edges[at + 1], view.zone)}`);
    }
  }
}

function columns(view) {
  const times = view.edges.slice(0, -1);
  return [times, ...view.lines.map((line) => line.values)];
}

function options(place, view, colours, noData) {
  const font = `11px ${getComputedStyle(place).fontFamily}`;
  const isBars = view.kind === "bars";
  const axis = { stroke: colours.ink, font, ticks: { show: false }, grid: { stroke: colours.line, width: 1 } };
  const last = view.edges.at(-1);
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    padding: [14, isBars ? 24 : Math.min(110, 14 + widest(view.lines, font)), 0, 0],
    tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), view.zone),
    legend: { show: false },
    cursor: { drag: { setScale: false, x: false, y: false }, y: false, points: { size: 6 } },
    scales: {
      x: { time: true, range: () => [view.edges[0], last] },
      y: { range: (_plot, _low, high) => [0, Math.max(1, (high ?? 0) * 1.12)] },
    },
    axes: [
      { ...axis, size: 28, grid: { show: false }, values: dates(view.zone) },
      { ...axis, size: 54, values: (_plot, values) => values.map((value) => (Number.isInteger(value) ? grouped(value) : "")) },
    ],
    series: [{}, ...view.lines.map((line, at) => serie(line, at, view, colours, isBars))],
    hooks: {
      drawClear: [(plot) => drawGaps(plot, view, colours, noData, font)],
      draw: [(plot) => drawBands(plot, view, colours), ...(isBars ? [] : [(plot) => drawNames(plot, view, colours, font)])],
      setCursor: [(plot) => say(plot, place, view)],
    },
  };
}

function serie(line, at, view, colours, isBars) {
  const colour = colours[`s${line.colour + 1}`];
  const base = { label: line.name, stroke: colour, width: 1.6, spanGaps: false, dash: line.dashed ? DASH : undefined };
  if (!isBars) {
    const points = { show: (_plot, _serie, from, to) => alone(line.values, from, to), size: 4, fill: colour };
    return { ...base, points: { ...points, filter: (_plot, _serie, show) => (show ? lonely(line.values) : null) } };
  }
  const share = 1 / view.lines.length;
  const paths = window.uPlot.paths.bars({ size: [0.8 * share, 28], align: 1, gap: 1 });
  return { ...base, fill: colour, width: 0, points: { show: false }, paths: at === 0 ? paths : shifted(paths, at * share) };
}

// Bars beside each other: the second stands to the right of the first.
function shifted(paths, by) {
  return (plot, index, from, to) => {
    const found = paths(plot, index, from, to);
    const [first, second] = plot.data[0];
    const step = second === undefined ? plot.bbox.width : plot.valToPos(second, "x", true) - plot.valToPos(first, "x", true);
    const right = Math.min(step * 0.8 * by, 29 * devicePixelRatio);
    for (const name of ["stroke", "fill"]) {
      if (!found?.[name]) continue;
      const path = new Path2D();
      path.addPath(found[name], new DOMMatrix().translate(right, 0));
      found[name] = path;
    }
    return found;
  };
}

// A point between two gaps has no line: it is drawn as a dot.
const isLonely = (values, at) => values[at] != null && values[at - 1] == null && values[at + 1] == null;
const alone = (values) => values.some((_value, at) => isLonely(values, at));
const lonely = (values) => values.map((_value, at) => at).filter((at) => isLonely(values, at));

function drawGaps(plot, view, colours, noData, font) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  for (const [start, end] of view.gaps) {
    const left = Math.max(bbox.left, plot.valToPos(start, "x", true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(end, "x", true));
    if (right <= left) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, Math.max(right - left, ratio), bbox.height);
    ctx.clip();
    ctx.strokeStyle = colours.line;
    ctx.lineWidth = ratio;
    ctx.beginPath();
    for (let x = left - bbox.height; x < right; x += 6 * ratio) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.strokeStyle = colours.edge;
    ctx.lineWidth = ratio;
    for (const x of [left, right]) {
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.setLineDash([]);
    if (right - left > 60 * ratio) {
      ctx.fillStyle = colours.ink;
      ctx.font = scaled(font);
      ctx.textAlign = "left";
      ctx.fillText(noData, left + 6 * ratio, bbox.top + 12 * ratio);
    }
  }
  ctx.restore();
}

// A line on top over the times that were not all healthy.
function drawBands(plot, view, colours) {
  const { ctx, bbox } = plot;
  const shades = { 1: colours.edge, 2: colours.warn, 3: colours.bad };
  ctx.save();
  for (const [start, end, verdict] of view.bands) {
    const left = plot.valToPos(start, "x", true);
    const right = Math.max(plot.valToPos(end, "x", true), left + 2 * devicePixelRatio);
    ctx.fillStyle = shades[verdict];
    ctx.fillRect(Math.max(left, bbox.left), bbox.top - 4 * devicePixelRatio, Math.min(right, bbox.left + bbox.width) - Math.max(left, bbox.left), 3 * devicePixelRatio);
  }
  ctx.restore();
}

// Each line is named where it ends; names that would touch are moved apart.
function drawNames(plot, view, colours, font) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const height = 13 * ratio;
  const names = view.lines
    .map((line) => ({ line, at: line.values.findLastIndex((value) => value !== null) }))
    .filter(({ at }) => at >= 0)
    .map(({ line, at }) => ({ line, y: plot.valToPos(line.values[at], "y", true) }))
    .sort((one, other) => one.y - other.y);
  names.forEach((name, at) => {
    if (at) name.y = Math.max(name.y, names[at - 1].y + height);
  });
  const over = names.length ? names.at(-1).y - (bbox.top + bbox.height) : 0;
  ctx.save();
  ctx.font = scaled(font, "600 ");
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  names.forEach(({ line, y }) => {
    ctx.fillStyle = colours[`s${line.colour + 1}`];
    ctx.fillText(short(line.name), bbox.left + bbox.width + 6 * ratio, over > 0 ? y - over : y);
  });
  ctx.restore();
}

const short = (name) => (name.length > 16 ? `${name.slice(0, 15)}…` : name);
const scaled = (font, weight = "") => weight + font.replace("11px", `${11 * devicePixelRatio}px`);

function widest(lines, font) {
  const ctx = document.createElement("canvas").getContext("2d");
  ctx.font = `600 ${font}`;
  return Math.max(0, ...lines.map((line) => ctx.measureText(short(line.name)).width));
}

function dates(zone) {
  return (_plot, splits, _axis, _space, step) =>
    splits.map((seconds) => {
      const moment = new Date(seconds * 1000);
      const parts = step >= 86400 || isMidnight(moment, zone) ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
      return moment.toLocaleString(document.documentElement.lang, { ...parts, timeZone: zone });
    });
}

const isMidnight = (moment, zone) => moment.toLocaleTimeString("en-GB", { timeZone: zone }) === "00:00:00";

// What the events page takes: a time of the reader's zone, without a zone.
function local(seconds, zone) {
  return encodeURIComponent(new Date(seconds * 1000).toLocaleString("sv-SE", { timeZone: zone }).replace(" ", "T").slice(0, 16));
}

function say(plot, place, view) {
  const says = document.getElementById(`says-${place.dataset.chart}`);
  const at = plot.cursor.idx;
  if (!says) return;
  if (at === null || at === undefined || plot.cursor.left < 0) {
    says.textContent = "";
    return;
  }
  const moment = new Date(view.edges[at] * 1000);
  const time = moment.toLocaleString(document.documentElement.lang, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: view.zone });
  const noData = place.closest("[data-charts]").dataset.noData;
  says.textContent = `${time} · ${view.lines.map((line) => `${line.name} ${line.values[at] == null ? noData : grouped(line.values[at])}`).join(" · ")}`;
}

function note(place, text) {
  const line = document.createElement("p");
  line.className = "dim plot-note";
  line.textContent = text;
  place.replaceChildren(line);
}

document.querySelectorAll("[data-charts]").forEach((root) => new Charts(root).reload());
