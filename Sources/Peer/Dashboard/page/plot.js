// Series of numbers, one a second, and how they are drawn. SVG, so that colours come from the style sheet.

import { s } from "./dom.js";
import { clock } from "./format.js";

/** Seconds that are kept: 15 minutes. */
export const KEPT = 900;

/** The latest values of something, one a second; NaN where it was not known. */
export class Series {
  #values = new Float32Array(KEPT).fill(NaN);
  #next = 0;
  length = 0;

  push(value) {
    this.#values[this.#next] = typeof value === "number" ? value : NaN;
    this.#next = (this.#next + 1) % KEPT;
    this.length = Math.min(this.length + 1, KEPT);
  }

  /** The last `count` values, oldest first; shorter where there are fewer. */
  last(count) {
    const size = Math.min(count, this.length);
    const values = new Float32Array(size);
    for (let index = 0; index < size; index++) {
      values[index] = this.#values[(this.#next - size + index + KEPT) % KEPT];
    }
    return values;
  }
}

/** The path through values on a plane, with gaps where there are none; flush right, `slots` wide. */
function trace(values, slots, width, height, top) {
  let line = "", area = "", pen = false, start = 0, x = 0;
  const step = width / Math.max(1, slots - 1);
  const offset = width - (values.length - 1) * step;
  const close = () => { if (pen) area += `L${x.toFixed(1)} ${height}L${start.toFixed(1)} ${height}Z`; };
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (Number.isNaN(value)) { close(); pen = false; continue; }
    const y = height - Math.min(1, Math.max(0, value / top)) * height;
    const at = offset + index * step;
    if (!pen) start = at;
    x = at;
    const point = `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    line += point;
    area += point;
    pen = true;
  }
  close();
  return { line, area };
}

/** A small line without axes. `thresholds` are drawn across it; without them it scales to its own highest value. */
export class Sparkline {
  static SLOTS = 90;

  constructor(kind, thresholds = []) {
    const [width, height] = [96, 26];
    this.size = [width, height];
    this.isShare = thresholds.length > 0;
    this.area = s("path", { class: "area" });
    this.line = s("path", { class: "line" });
    const marks = thresholds.map((share, index) => {
      const y = (height - share * height).toFixed(1);
      return s("line", { x1: 0, x2: width, y1: y, y2: y, class: index > 0 ? "mark bad" : "mark warm" });
    });
    this.node = s("svg", {
      class: `spark ${kind}`, viewBox: `0 -1 ${width} ${height + 2}`, preserveAspectRatio: "none", "aria-hidden": "true",
    }, this.area, ...marks, this.line);
  }

  draw(series) {
    const values = series.last(Sparkline.SLOTS);
    let top = 1;
    if (!this.isShare) {
      top = 0.001;
      for (const value of values) if (value > top) top = value;
      top *= 1.15;
    }
    const { line, area } = trace(values, Sparkline.SLOTS, this.size[0], this.size[1], top);
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", area);
  }
}

/** A large plot with axes: `draw` takes values at equal distances, the last one at `endMs`. */
export class Plot {
  constructor(kind, label, format, thresholds = []) {
    [this.width, this.height, this.left, this.bottom] = [640, 150, 52, 20];
    this.format = format;
    this.isShare = thresholds.length > 0;
    this.thresholds = thresholds;
    this.grid = s("g");
    this.area = s("path", { class: "area" });
    this.line = s("path", { class: "line" });
    this.cursor = s("line", { class: "cursor", y1: 0, y2: this.height - this.bottom, visibility: "hidden" });
    this.reading = s("text", { class: "reading", y: 12, visibility: "hidden" });
    const shift = `translate(${this.left} 6)`;
    this.node = s("svg", {
      class: `plot ${kind}`, viewBox: `0 0 ${this.width} ${this.height + 8}`, role: "img", "aria-label": label,
    }, s("g", { transform: shift }, this.grid, this.area, this.line, this.cursor, this.reading));
    this.node.addEventListener("pointermove", (event) => this.point(event));
    this.node.addEventListener("pointerleave", () => this.hide());
  }

  get plane() { return [this.width - this.left - 8, this.height - this.bottom]; }

  draw(values, endMs, stepMs, slots = values.length) {
    Object.assign(this, { values, endMs, stepMs, slots });
    const [width, height] = this.plane;
    let top = 1;
    if (!this.isShare) {
      let high = 0;
      for (const value of values) if (value > high) high = value;
      top = nice(high);
    }
    const { line, area } = trace(values, slots, width, height, top);
    this.line.setAttribute("d", line);
    this.area.setAttribute("d", area);
    this.grid.replaceChildren(...this.rules(top, width, height));
  }

  rules(top, width, height) {
    const nodes = [];
    for (const share of this.isShare ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1]) {
      const y = height - share * height;
      nodes.push(s("line", { class: "rule", x1: 0, x2: width, y1: y, y2: y }));
      nodes.push(s("text", { class: "tick", x: -8, y: y + 4, "text-anchor": "end", text: this.format(share * top) }));
    }
    for (const [index, share] of this.thresholds.entries()) {
      const y = height - share * height;
      nodes.push(s("line", { class: index > 0 ? "mark bad" : "mark warm", x1: 0, x2: width, y1: y, y2: y }));
    }
    const span = (this.slots - 1) * this.stepMs;
    for (const part of [0, 0.25, 0.5, 0.75, 1]) {
      const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
      const text = clock(this.endMs - span * (1 - part)).slice(-8, span > 3600000 ? -3 : undefined);
      nodes.push(s("text", { class: "tick", x: part * width, y: height + 16, "text-anchor": anchor, text }));
    }
    return nodes;
  }

  point(event) {
    if (!this.values?.length) return;
    const box = this.node.getBoundingClientRect();
    const [width] = this.plane;
    const x = ((event.clientX - box.left) / box.width) * this.width - this.left;
    const slot = Math.round((x / width) * (this.slots - 1)) - (this.slots - this.values.length);
    const value = this.values[slot];
    if (value === undefined) return this.hide();
    const at = ((slot + this.slots - this.values.length) / Math.max(1, this.slots - 1)) * width;
    for (const name of ["x1", "x2"]) this.cursor.setAttribute(name, at);
    this.cursor.setAttribute("visibility", "visible");
    const moment = this.endMs - (this.values.length - 1 - slot) * this.stepMs;
    this.reading.textContent = `${Number.isNaN(value) ? "unknown" : this.format(value)} at ${clock(moment)}`;
    this.reading.setAttribute("x", at > width / 2 ? at - 6 : at + 6);
    this.reading.setAttribute("text-anchor", at > width / 2 ? "end" : "start");
    this.reading.setAttribute("visibility", "visible");
  }

  hide() {
    this.cursor.setAttribute("visibility", "hidden");
    this.reading.setAttribute("visibility", "hidden");
  }
}

/** The round number above a value. */
function nice(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const factor of [1, 2, 4, 5, 10]) if (factor * power >= value) return factor * power;
  return 10 * power;
}
