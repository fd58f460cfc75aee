// The editor of pipeline files: a text area over a painted copy of its text, with suggestions and marks.

const PAUSE = 350; // milliseconds without a key before the text is checked
const LARGEST = 256 * 1024; // bytes of a file; the server says the same
const SHOWN = 8; // suggestions that are seen at once
const WORD = /[\w$/.{]$/;
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

export function attach(root, page) {
  new Editor(root, page);
}

class Editor {
  constructor(root, { props, server, watch, trigger }) {
    Object.assign(this, { props, server, trigger, problems: [], items: [], chosen: 0, asked: 0 });
    for (const name of ["gutter", "painted", "suggestions", "problems"]) {
      this[`${name}Box`] = root.querySelector(`.${name}`);
    }
    this.area = root.querySelector("textarea");
    this.area.value = props.value ?? "";
    this.area.addEventListener("input", () => this.typed());
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.area.addEventListener("scroll", () => this.scroll());
    this.area.addEventListener("blur", () => this.close());
    this.area.addEventListener("click", () => this.close());
    this.suggestionsBox.addEventListener("mousedown", (event) => this.pick(event));
    this.problemsBox.addEventListener("click", (event) => this.jump(event));
    root.querySelector(".save").addEventListener("click", () => save(this.area.value));
    const opened = root.querySelector(".open input");
    opened.addEventListener("change", () => this.open(opened));
    opened.parentElement.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") opened.click();
    });
    watch("value", () => this.replace(props.value ?? ""));
    watch("problems", () => this.mark(props.problems ?? []));
    watch("signature", () => trigger("apply"));
    this.mark(props.problems ?? []);
    trigger("edit");
  }

  // --- the text ---------------------------------------------------------------------------------------------------

  replace(text) {
    if (text === this.area.value) return;
    this.area.value = text;
    this.area.scrollTop = 0;
    this.close();
    this.paint();
  }

  async open(input) {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    if (file.size > LARGEST) {
      this.mark([{ line: 1, column: 1, path: file.name, message: "is too large to be a pipeline." }]);
      return;
    }
    this.replace(await file.text());
    this.send();
  }

  typed() {
    this.problems = this.problems.filter((problem) => problem.line !== this.lineNumber());
    this.paint();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), PAUSE);
    if (WORD.test(this.before())) this.suggest();
    else this.close();
  }

  send() {
    this.props.value = this.area.value;
    this.trigger("edit");
  }

  before() {
    return this.area.value.slice(0, this.area.selectionStart);
  }

  lineNumber() {
    return this.before().split("\n").length;
  }

  insert(start, end, text) {
    this.area.setSelectionRange(start, end);
    // The one way to change a text area that the browser's own undo knows of.
    if (!document.execCommand("insertText", false, text)) this.area.setRangeText(text, start, end, "end");
  }

  // --- keys -------------------------------------------------------------------------------------------------------

  key(event) {
    if (event.isComposing) return;
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      this.suggest();
    } else if (this.items.length && this.steer(event.key)) {
      event.preventDefault();
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      const line = this.before().split("\n").pop();
      const indent = line.match(/^ */)[0] + (/:\s*$/.test(line) ? "  " : "");
      this.insert(this.area.selectionStart, this.area.selectionEnd, `\n${indent}`);
    }
  }

  // What a key does to the list of suggestions; whether it does anything.
  steer(key) {
    const move = { ArrowDown: 1, ArrowUp: -1, PageDown: SHOWN, PageUp: -SHOWN }[key];
    if (move) this.choose(this.chosen + move);
    else if (key === "Enter" || key === "Tab") return this.accept();
    else if (key === "Escape") this.close();
    else return false;
    return true;
  }

  // --- suggestions ------------------------------------------------------------------------------------------------

  async suggest() {
    const ask = ++this.asked;
    const found = await this.server.complete([this.area.value, this.area.selectionStart]);
    if (ask !== this.asked || document.activeElement !== this.area) return;
    const word = this.area.value.slice(found.start, found.end);
    if (found.items.length === 1 && found.items[0].insert === word) return this.close();
    this.range = [found.start, found.end];
    this.items = found.items;
    this.show();
  }

  show() {
    this.suggestionsBox.replaceChildren(...this.items.map((item, index) => suggestion(item, index)));
    this.suggestionsBox.hidden = !this.items.length;
    if (!this.items.length) return this.close();
    const line = this.area.value.slice(0, this.range[0]).split("\n");
    const size = getComputedStyle(this.area);
    const height = parseFloat(size.lineHeight);
    const frame = this.suggestionsBox.parentElement;
    const [area, around] = [this.area, frame].map((box) => box.getBoundingClientRect());
    const left = area.left - around.left + line.at(-1).length * this.letter(size) - this.area.scrollLeft;
    const top = area.top - around.top + parseFloat(size.paddingTop) + line.length * height - this.area.scrollTop;
    const room = frame.clientWidth - this.suggestionsBox.offsetWidth - 4;
    this.suggestionsBox.style.left = `${Math.max(4, Math.min(left, room))}px`;
    this.suggestionsBox.style.top = `${top + 2}px`;
    this.choose(0);
  }

  letter(size) {
    const canvas = (this.canvas ??= document.createElement("canvas")).getContext("2d");
    canvas.font = `${size.fontSize} ${size.fontFamily}`;
    return canvas.measureText("mmmmmmmmmm").width / 10;
  }

  choose(index) {
    const options = [...this.suggestionsBox.children];
    this.chosen = (index + options.length) % options.length;
    options.forEach((option, at) => option.setAttribute("aria-selected", at === this.chosen));
    options[this.chosen].scrollIntoView({ block: "nearest" });
    this.area.setAttribute("aria-activedescendant", options[this.chosen].id);
  }

  accept() {
    const { insert } = this.items[this.chosen];
    const [start, end] = this.range;
    const written = this.area.value.slice(start, end);
    this.close();
    if (insert === written) return false;
    this.insert(start, end, insert);
    if (/[:{]\s$/.test(insert)) this.suggest();
    return true;
  }

  pick(event) {
    event.preventDefault();
    const option = event.target.closest("li");
    if (!option) return;
    this.chosen = [...this.suggestionsBox.children].indexOf(option);
    this.accept();
  }

  close() {
    this.asked++;
    this.items = [];
    this.suggestionsBox.hidden = true;
    this.area.removeAttribute("aria-activedescendant");
  }

  // --- marks ------------------------------------------------------------------------------------------------------

  mark(problems) {
    this.problems = problems;
    this.problemsBox.replaceChildren(...problems.map(problemLine));
    this.area.setAttribute("aria-invalid", problems.length > 0);
    this.paint();
  }

  jump(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { line, column } = this.problems[Number(button.dataset.index)] ?? {};
    if (!line) return;
    const start = this.area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0) + column - 1;
    this.area.focus();
    this.area.setSelectionRange(start, start);
  }

  paint() {
    const lines = this.area.value.split("\n");
    const wrong = new Map();
    for (const problem of this.problems) {
      wrong.set(problem.line, [...(wrong.get(problem.line) ?? []), problem]);
    }
    this.gutterBox.replaceChildren(...lines.map((_, at) => gutterLine(at + 1, wrong.get(at + 1))));
    this.paintedBox.replaceChildren(...lines.map((line, at) => paintedLine(line, wrong.get(at + 1))));
    this.area.rows = Math.min(Math.max(lines.length + 1, 16), 34);
    this.scroll();
  }

  scroll() {
    this.paintedBox.style.transform = `translate(${-this.area.scrollLeft}px, ${-this.area.scrollTop}px)`;
    this.gutterBox.style.transform = `translateY(${-this.area.scrollTop}px)`;
  }
}

function save(text) {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/yaml" }));
  link.download = "pipeline.yaml";
  link.click();
  URL.revokeObjectURL(link.href);
}

function element(name, kind, ...inside) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...inside);
  return made;
}

function suggestion(item, index) {
  const option = element("li", "", element("span", "label", item.label), element("span", "detail", item.detail));
  option.id = `bench-suggestion-${index}`;
  option.role = "option";
  return option;
}

function problemLine(problem, index) {
  const place = element("span", "place", `line ${problem.line}, column ${problem.column}`);
  const path = element("span", "path", problem.path);
  const button = element("button", "", place, path, element("span", "message", problem.message));
  button.type = "button";
  button.dataset.index = index;
  return element("li", "", button);
}

function gutterLine(number, problems) {
  return element("div", problems ? "wrong" : "", String(number));
}

function paintedLine(line, problems) {
  const row = element("div", problems ? "wrong" : "");
  let at = 0;
  for (const token of line.matchAll(TOKENS)) {
    row.append(line.slice(at, token.index));
    const kind = Object.keys(token.groups).find((name) => token.groups[name] !== undefined);
    row.append(element("span", kind, token[0]));
    at = token.index + token[0].length;
    if (kind === "comment") break;
  }
  row.append(line.slice(at) || (at ? "" : "\u200b"));
  if (problems) row.append(element("span", "told", problems[0].message));
  return row;
}
