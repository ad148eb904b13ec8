// The equity curve: one line, two axes, and the value under the pointer. Plain SVG, no library.

import { change, clock, day, money, percent } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { top: 12, right: 12, bottom: 24, left: 74 };

function make(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Steps of 1, 2 or 5 times a power of ten, about `wanted` of them.
function niceStep(span, wanted) {
  const raw = span / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5].find((m) => raw <= m * power) ?? 10);
}

const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];

function timeLabel(seconds, step) {
  const at = new Date(seconds * 1000);
  if (step >= 86400) return day(at).slice(5);
  return step >= 60 ? clock(at).slice(0, 5) : clock(at);
}

export class EquityChart {
  constructor(host) {
    this.host = host;
    this.points = [];
    this.svg = make("svg", { role: "img", tabindex: "0" });
    host.replaceChildren(this.svg);
    this.hover = null;
    this.svg.addEventListener("pointermove", (event) => this.#point(event.clientX));
    this.svg.addEventListener("pointerleave", () => this.#select(null));
    this.svg.addEventListener("blur", () => this.#select(null));
    this.svg.addEventListener("keydown", (event) => this.#step(event));
    new ResizeObserver(() => this.#draw()).observe(host);
  }

  show(points) {
    const usable = points.filter(([at, value]) => Number.isFinite(at) && Number.isFinite(value));
    if (usable.length === this.points.length && usable.at(-1)?.[0] === this.points.at(-1)?.[0]) return;
    this.points = usable;
    this.#draw();
  }

  #draw() {
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    if (width < 50 || height < 50) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    if (this.points.length < 2) {
      this.svg.setAttribute("aria-label", "No equity curve yet");
      this.svg.append(
        make("text", { x: width / 2, y: height / 2, class: "empty", "text-anchor": "middle" }, "No equity curve yet"),
      );
      return;
    }
    this.#scale(width, height);
    this.#axes(width, height);
    this.#line(height);
    this.cursor = make("g", { class: "cursor", visibility: "hidden" });
    this.svg.append(this.cursor);
    if (this.hover !== null) this.#select(Math.min(this.hover, this.points.length - 1));
    const first = this.points[0][1];
    const last = this.points.at(-1)[1];
    this.svg.setAttribute("aria-label", `Equity ${money(last)}, ${change(last - first)} since the first point shown`);
  }

  #scale(width, height) {
    const values = this.points.map(([, value]) => value);
    let low = Math.min(...values);
    let high = Math.max(...values);
    // A flat curve still gets an axis with some room around it.
    const least = Math.max(Math.abs(high) * 1e-5, 0.02);
    if (high - low < least) {
      low -= least / 2;
      high += least / 2;
    }
    this.step = niceStep(high - low, Math.max(2, Math.floor(height / 45)));
    this.low = Math.floor(low / this.step) * this.step;
    this.high = Math.ceil(high / this.step) * this.step;
    this.from = this.points[0][0];
    this.to = Math.max(this.points.at(-1)[0], this.from + 1);
    const plotWidth = width - MARGIN.left - MARGIN.right;
    const plotHeight = height - MARGIN.top - MARGIN.bottom;
    this.x = (at) => MARGIN.left + ((at - this.from) / (this.to - this.from)) * plotWidth;
    this.y = (value) => MARGIN.top + (1 - (value - this.low) / (this.high - this.low)) * plotHeight;
  }

  #axes(width, height) {
    const digits = this.step >= 1 ? 0 : Math.min(4, Math.ceil(-Math.log10(this.step)));
    const ticks = Math.round((this.high - this.low) / this.step);
    for (let n = 0; n <= ticks; n += 1) {
      const value = this.low + n * this.step;
      const y = this.y(value);
      const label = value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
      this.svg.append(
        make("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y, class: "grid" }),
        make("text", { x: MARGIN.left - 8, y: y + 4, class: "tick", "text-anchor": "end" }, label),
      );
    }
    const wanted = (this.to - this.from) / Math.max(2, (width - MARGIN.left) / 110);
    const step = TIME_STEPS.find((s) => s >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
    // Steps of hours begin at the local midnight.
    const offset = new Date(this.from * 1000).getTimezoneOffset() * 60;
    for (let at = Math.ceil((this.from - offset) / step) * step + offset; at <= this.to; at += step) {
      const x = this.x(at);
      if (x > width - MARGIN.right - 24) break;
      this.svg.append(
        make("line", { x1: x, x2: x, y1: height - MARGIN.bottom, y2: height - MARGIN.bottom + 4, class: "axis" }),
        make("text", { x, y: height - 6, class: "tick", "text-anchor": "middle" }, timeLabel(at, step)),
      );
    }
  }

  #line(height) {
    const path = this.points.map(([at, value]) => `${this.x(at).toFixed(1)},${this.y(value).toFixed(1)}`).join("L");
    const first = this.points[0];
    const last = this.points.at(-1);
    const floor = height - MARGIN.bottom;
    const start = this.y(first[1]);
    this.svg.append(
      make("path", { d: `M${this.x(first[0])},${floor}L${path}L${this.x(last[0])},${floor}Z`, class: "area" }),
      make("line", { x1: this.x(first[0]), x2: this.x(last[0]), y1: start, y2: start, class: "start" }),
      make("path", { d: `M${path}`, class: "line" }),
      make("circle", { cx: this.x(last[0]), cy: this.y(last[1]), r: 3, class: "now" }),
    );
  }

  #point(clientX) {
    if (this.points.length < 2) return;
    const box = this.svg.getBoundingClientRect();
    const share = (clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
    const at = this.from + share * (this.to - this.from);
    let best = 0;
    this.points.forEach(([time], index) => {
      if (Math.abs(time - at) < Math.abs(this.points[best][0] - at)) best = index;
    });
    this.#select(best);
  }

  #step(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (by === undefined || this.points.length < 2) return;
    event.preventDefault();
    const last = this.points.length - 1;
    this.#select(Math.max(0, Math.min(last, (this.hover ?? last) + by)));
  }

  #select(index) {
    this.hover = index;
    if (!this.cursor || this.points.length < 2) return;
    this.cursor.setAttribute("visibility", index === null ? "hidden" : "visible");
    if (index === null) return;
    const [at, value] = this.points[index];
    const x = this.x(at);
    const y = this.y(value);
    const first = this.points[0][1];
    const lines = [
      money(value),
      `${change(value - first)}  ${first ? percent((value - first) / Math.abs(first)) : ""}`,
      clock(new Date(at * 1000)),
    ];
    const width = 170;
    const box = this.svg.viewBox.baseVal;
    const left = x + 12 + width > box.width ? x - 12 - width : x + 12;
    const top = Math.max(MARGIN.top, Math.min(y - 30, box.height - MARGIN.bottom - 64));
    this.cursor.replaceChildren(
      make("line", { x1: x, x2: x, y1: MARGIN.top, y2: box.height - MARGIN.bottom }),
      make("circle", { cx: x, cy: y, r: 4 }),
      make("rect", { x: left, y: top, width, height: 60, rx: 4 }),
      ...lines.map((text, n) => make("text", { x: left + 10, y: top + 18 + n * 17 }, text)),
    );
  }
}
