// Markdown to elements. Text only ever becomes text nodes: no markup of a record can act here,
// links are shown as they are written and images are not loaded.

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.includes("-")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

// `inline(text)` gives the nodes of a run of plain words: the caller's citations and figures.
function prose(markdown, inline = (text) => [text]) {
  const lines = markdown.replaceAll("\r\n", "\n").split("\n");
  const blocks = [];
  let at = 0;
  const take = (test) => {
    const start = at;
    while (at < lines.length && test(lines[at])) at += 1;
    return lines.slice(start, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    if (!line.trim()) at += 1;
    else if (/^```/.test(line)) blocks.push(fence());
    else if (/^#{1,6}\s/.test(line)) blocks.push(heading());
    else if (isTable(at)) blocks.push(table());
    else if (/^\s*([-*+]|\d+[.)])\s/.test(line)) blocks.push(list());
    else if (/^>/.test(line)) blocks.push(quote());
    else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) { at += 1; blocks.push(element("hr")); }
    else blocks.push(paragraph());
  }
  return blocks;

  function fence() {
    at += 1;
    const body = take((row) => !/^```/.test(row));
    at += 1;
    return element("pre", { tabIndex: 0 }, body.join("\n"));
  }
  function heading() {
    const [, marks, words] = /^(#{1,6})\s+(.*?)\s*#*$/.exec(lines[at]) ?? [null, "#", lines[at]];
    at += 1;
    return element(`h${Math.min(5, marks.length + 2)}`, {}, ...spans(words, inline));
  }
  function isTable(row) {
    return /^\s*\|/.test(lines[row]) && /^\s*\|?[\s:|-]+\|?\s*$/.test(lines[row + 1] ?? "") && /-/.test(lines[row + 1]);
  }
  function table() {
    const rows = take((row) => /^\s*\|/.test(row)).map(cells);
    const head = element("tr", {}, ...rows[0].map((cell) => element("th", { scope: "col" }, ...spans(cell, inline))));
    const body = rows.slice(2).map((row) =>
      element("tr", {}, ...row.map((cell) =>
        element("td", { className: kindOf(cell) }, ...spans(cell, inline)))));
    const made = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
    return element("div", { className: "scroll", tabIndex: 0 }, made);
  }
  function kindOf(cell) {
    if (/^[-+]?[\d.,]+(e[-+]?\d+)?$/i.test(cell)) return "number";
    return /^CAS [\d-]+$/.test(cell) ? "whole" : "";
  }
  function cells(row) {
    const inner = row.trim().replace(/^\|/, "").replace(/\|$/, "");
    return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  }
  function list() {
    const ordered = /^\s*\d/.test(lines[at]);
    const items = [];
    while (at < lines.length && /^\s*([-*+]|\d+[.)])\s/.test(lines[at])) {
      const words = [lines[at].replace(/^\s*([-*+]|\d+[.)])\s+/, "")];
      at += 1;
      words.push(...take((row) => /^\s{2,}\S/.test(row) && !/^\s*([-*+]|\d+[.)])\s/.test(row)).map((row) => row.trim()));
      items.push(element("li", {}, ...spans(words.join(" "), inline)));
    }
    return element(ordered ? "ol" : "ul", {}, ...items);
  }
  function quote() {
    const body = take((row) => /^>/.test(row)).map((row) => row.replace(/^>\s?/, ""));
    return element("blockquote", {}, ...prose(body.join("\n"), inline));
  }
  function paragraph() {
    const body = [lines[at]];
    at += 1;
    body.push(...take((row) => row.trim() && !/^(#{1,6}\s|```|>|\s*\||\s*([-*+]|\d+[.)])\s)/.test(row)));
    const nodes = body.flatMap((row, index) =>
      (index ? [element("br")] : []).concat(spans(row.trim(), inline)));
    return element("p", {}, ...nodes);
  }
}

// Bold, emphasis and code; everything else of a line stays words.
function spans(text, inline) {
  const nodes = [];
  for (const part of text.split(/(\*\*[^*]+\*\*|`[^`]+`|(?<![\w*\\])\*(?=\S)[^*]+(?<=[^\s\\])\*(?![\w*]))/)) {
    if (/^\*\*[^*]+\*\*$/.test(part)) nodes.push(element("strong", {}, ...inline(plain(part.slice(2, -2)))));
    else if (/^\*[^*]+\*$/.test(part)) nodes.push(element("em", {}, ...inline(plain(part.slice(1, -1)))));
    else if (/^`[^`]+`$/.test(part)) nodes.push(element("code", {}, part.slice(1, -1)));
    else if (part) nodes.push(...inline(plain(part)));
  }
  return nodes;
}

// Words without the escapes that kept them from being Markdown or HTML.
function plain(words) {
  return words.replace(/\\([\\`*_{}[\]()#+\-.!|<>~=&])/g, "$1").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
}

// Nodes of `text` with each of `pieces` ({text, node}) put where its words stand; a figure is not
// found inside a longer number.
function place(text, pieces) {
  let nodes = [text];
  const byLength = [...pieces].sort((a, b) => b.text.length - a.text.length);
  for (const piece of byLength) {
    nodes = nodes.flatMap((node) => (typeof node === "string" ? split(node, piece) : [node]));
  }
  return nodes;

  function split(words, piece) {
    const found = [];
    let from = 0;
    for (let at = words.indexOf(piece.text); at >= 0; at = words.indexOf(piece.text, at + 1)) {
      const end = at + piece.text.length;
      if (at < from || insideNumber(words, at, end)) continue;
      if (at > from) found.push(words.slice(from, at));
      found.push(piece.node());
      from = end;
    }
    if (from < words.length) found.push(words.slice(from));
    return found;
  }
  function insideNumber(words, at, end) {
    return (/^\d/.test(words.slice(at)) && /\d[.,]?$/.test(words.slice(0, at)))
      || (/\d$/.test(words.slice(0, end)) && /^[.,]?\d/.test(words.slice(end)));
  }
}
