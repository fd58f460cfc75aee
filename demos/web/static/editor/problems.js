/**
 * The mistakes in a text, as a list of buttons that lead to their places.
 *
 * @typedef {{line: number, column: number, path: string, message: string}} Problem both counted from 1
 */

import { element } from "./elements.js";

/**
 * @param {HTMLElement} list is filled
 * @param {readonly Problem[]} problems
 * @param {(problem: Problem) => void} goTo
 */
export function showProblems(list, problems, goTo) {
  list.replaceChildren(...problems.map((problem) => element("li", "", button(problem, goTo))));
}

/** @param {Problem} problem @param {(problem: Problem) => void} goTo */
function button(problem, goTo) {
  const place = element("span", "place", `line ${problem.line}, column ${problem.column}`);
  const path = element("span", "path", problem.path);
  const message = element("span", "message", problem.message);
  const made = /** @type {HTMLButtonElement} */ (element("button", "", place, path, message));
  made.type = "button";
  made.onclick = () => goTo(problem);
  return made;
}
