/**
 * A new element.
 * @param {string} name
 * @param {string} kind its class; empty for none
 * @param {...(Node | string)} inside
 */
export function element(name, kind, ...inside) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...inside);
  return made;
}
