/** What is seen of a text: a painted copy under the text area, whose own letters are clear, and its lines' numbers. */

import { element } from "./elements.js";

/** @typedef {import("./problems.js").Problem} Problem */

const FEWEST_ROWS = 16;
const MOST_ROWS = 34;
/** The classes of the text's parts; which of them holds is tried in this order. */
const TOKENS = new RegExp(
  [
    String.raw`(?<comment>(?:^|(?<=\s))#.*$)`,
    String.raw`(?<reference>\$?\$\{[^}"']*\}?)`,
    String.raw`(?<key>[A-Za-z_]\w*(?=\s*:(?:\s|$)))`,
    String.raw`(?<number>(?<![\w/.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w/.]))`,
    String.raw`(?<word>(?<![\w/.])(?:true|false|null)(?![\w/.]))`,
    String.raw`(?<node>(?<=use:\s*["']?)[\w./-]+)`,
    String.raw`(?<mark>[{}[\],:"'])`,
  ].join("|"),
  "g",
);
/** An empty line would have no height. */
const NO_WIDTH = "\u200b";

export class Sheet {
  /** @type {readonly Problem[]} */
  #problems = [];

  /**
   * @param {HTMLTextAreaElement} area
   * @param {HTMLElement} painted lies under the area
   * @param {HTMLElement} gutter stands left of it
   */
  constructor(area, painted, gutter) {
    this.area = area;
    this.painted = painted;
    this.gutter = gutter;
    area.addEventListener("scroll", () => this.#follow());
  }

  /** Mark the lines that have problems. @param {readonly Problem[]} problems */
  mark(problems) {
    this.#problems = problems;
    this.paint();
  }

  /** Paint what is being typed: the line at hand is wrong no more, until the next check says so. @param {number} line */
  typedIn(line) {
    this.mark(this.#problems.filter((problem) => problem.line !== line));
  }

  paint() {
    const lines = this.area.value.split("\n");
    const messages = firstMessages(this.#problems);
    this.gutter.replaceChildren(...lines.map((_, at) => gutterLine(at + 1, messages.has(at + 1))));
    this.painted.replaceChildren(...lines.map((line, at) => paintedLine(line, messages.get(at + 1))));
    this.area.rows = Math.min(Math.max(lines.length + 1, FEWEST_ROWS), MOST_ROWS);
    this.#follow();
  }

  /** Neither part scrolls by itself. */
  #follow() {
    const { scrollLeft, scrollTop } = this.area;
    this.painted.style.transform = `translate(${-scrollLeft}px, ${-scrollTop}px)`;
    this.gutter.style.transform = `translateY(${-scrollTop}px)`;
  }
}

/** Beside a line there is room for one message. @param {readonly Problem[]} problems */
function firstMessages(problems) {
  /** @type {Map<number, string>} */
  const messages = new Map();
  for (const { line, message } of problems) if (!messages.has(line)) messages.set(line, message);
  return messages;
}

/** @param {number} number @param {boolean} isWrong */
function gutterLine(number, isWrong) {
  return element("div", isWrong ? "wrong" : "", String(number));
}

/** @param {string} line @param {string | undefined} message what is wrong with it */
function paintedLine(line, message) {
  const row = element("div", message === undefined ? "" : "wrong", ...tokensOf(line));
  if (!line) row.append(NO_WIDTH);
  if (message !== undefined) row.append(element("span", "told", message));
  return row;
}

/** The parts of a line, and what stands between them. @param {string} line */
function* tokensOf(line) {
  let at = 0;
  for (const token of line.matchAll(TOKENS)) {
    yield line.slice(at, token.index);
    yield element("span", kindOf(token), token[0]);
    at = token.index + token[0].length;
  }
  yield line.slice(at);
}

/** @param {RegExpMatchArray} token */
function kindOf({ groups = {} }) {
  return Object.keys(groups).find((name) => groups[name] !== undefined) ?? "";
}
