// The conversation: ask, show the answer as it comes, and open the evidence behind it.
const $ = (id) => document.getElementById(id);
const store = {
  get(kind, name) { try { return window[kind].getItem(`lca-rag.${name}`); } catch { return null; } },
  set(kind, name, value) { try { window[kind].setItem(`lca-rag.${name}`, value); } catch { /* private mode: not kept */ } },
};
const state = { language: "en", turns: [], running: null, opener: null, key: store.get("sessionStorage", "key") };

// ---- words ----------------------------------------------------------------------------------
function say(word, values = {}) {
  return WORDS[state.language][word].replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}
function speak(language) {
  state.language = language;
  store.set("localStorage", "language", language);
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const item of document.querySelectorAll("[data-word]")) item.textContent = say(item.dataset.word);
  for (const item of document.querySelectorAll("[data-label]")) item.setAttribute("aria-label", say(item.dataset.label));
  for (const item of document.querySelectorAll("[data-placeholder]")) item.placeholder = say(item.dataset.placeholder);
  $("theme").title = say("theme");
  $("language").textContent = language === "zh" ? "English" : "中文";
  $("language").lang = language === "zh" ? "en" : "zh";
  if (state.running) $("send").textContent = say("stop");
  for (const turn of state.turns) if (turn.finish) turn.finish();
  showExamples();
}
function announce(text) { $("status").textContent = text; }

// ---- server ---------------------------------------------------------------------------------
async function call(path, body, signal) {
  const headers = { "Content-Type": "application/json" };
  if (state.key) headers.Authorization = `Bearer ${state.key}`;
  let response;
  try {
    response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(say("offline"), { cause: error });
  }
  if (response.status === 401) {
    await askForKey();
    return call(path, body, signal);
  }
  if (!response.ok) throw new Error(await reason(response));
  return response;
}
async function reason(response) {
  try { return (await response.json()).error.message; } catch { return `${response.status} ${response.statusText}`; }
}
let keyAsked = null;
function askForKey() {
  keyAsked ??= new Promise((resolve) => {
    $("key").value = "";
    $("key-dialog").showModal();
    $("key-dialog").addEventListener("close", () => {
      state.key = $("key").value.trim();
      store.set("sessionStorage", "key", state.key);
      keyAsked = null;
      resolve();
    }, { once: true });
  });
  return keyAsked;
}
// Server-sent events of a streamed completion, as parsed objects.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    const pieces = (rest + value).split("\n\n");
    rest = pieces.pop();
    for (const piece of pieces) {
      const data = piece.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      if (data === "[DONE]") return;
      if (data) yield JSON.parse(data);
    }
  }
  throw new Error(say("cut"));
}

// ---- filters --------------------------------------------------------------------------------
function wishes() {
  const wanted = {};
  if ($("f-place").value.trim()) wanted.place = $("f-place").value.trim();
  if (/^\d{4}$/.test($("f-year").value)) wanted.year = Number($("f-year").value);
  if ($("f-kind").value) wanted.kind = $("f-kind").value;
  if ($("f-database").value) wanted.database = [$("f-database").value];
  if ($("f-strict").checked && Object.keys(wanted).length) wanted.strict = true;
  return wanted;
}
function wished(wanted) {
  const parts = [wanted.place, wanted.year, wanted.kind && say(wanted.kind), wanted.database?.[0], wanted.strict && say("strictly")];
  return parts.filter(Boolean).join(" · ");
}
function showFilters() {
  const set = Object.keys(wishes()).length;
  $("filters-set").hidden = set === 0;
  $("filters-set").textContent = wished(wishes());
}

// ---- asking ---------------------------------------------------------------------------------
async function ask(question) {
  if (state.running || !question.trim()) return;
  $("welcome").hidden = true;
  const wanted = wishes();
  const bubble = element("div", { className: "bubble" }, question.trim());
  if (Object.keys(wanted).length) bubble.append(element("span", { className: "wished" }, say("wished", { list: wished(wanted) })));
  $("turns").append(element("li", { className: "turn asked" }, bubble));
  const turn = { question: question.trim(), text: "", extra: null, box: element("li", { className: "turn answered" }) };
  $("turns").append(turn.box);
  const messages = state.turns.filter((past) => past.extra).flatMap((past) => [
    { role: "user", content: past.question }, { role: "assistant", content: past.text }]);
  messages.push({ role: "user", content: turn.question });
  state.turns.push(turn);
  begin(turn);
  try {
    const body = { model: "lca-rag", messages: messages.slice(-21), stream: true, lca_rag: { ...wanted, sources_in_text: false } };
    const response = await call("/v1/chat/completions", body, state.running.signal);
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error.message);
      turn.text += event.choices?.[0]?.delta?.content ?? "";
      if (event.lca_rag) turn.extra = event.lca_rag;
      grow(turn);
    }
    turn.finish = () => finish(turn);
    turn.finish();
    announce(turn.extra?.abstained ? say("abstained") : say("done"));
  } catch (error) {
    const stopped = error.name === "AbortError";
    turn.box.classList.toggle("failed", !stopped);
    turn.box.append(element("div", { className: stopped ? "verdict" : "bubble" }, stopped ? say("stopped") : say("failed", { reason: error.message })));
    if (!turn.text) turn.box.querySelector(".prose")?.remove();
    announce(stopped ? say("stopped") : say("failed", { reason: error.message }));
  } finally {
    turn.box.removeAttribute("aria-busy");
    state.running = null;
    $("send").textContent = say("send");
  }
}
function begin(turn) {
  state.running = new AbortController();
  $("send").textContent = say("stop");
  turn.box.setAttribute("aria-busy", "true");
  turn.body = element("div", { className: "bubble prose" }, element("span", { className: "wait", "aria-hidden": "true" }, element("i"), element("i"), element("i")));
  turn.box.append(turn.body);
  announce(say("thinking"));
  turn.box.scrollIntoView({ block: "nearest" });
}
function grow(turn) {
  if (!turn.text) return;
  const talk = $("talk");
  const atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;
  turn.body.replaceChildren(...prose(turn.text));
  if (atEnd) talk.scrollTop = talk.scrollHeight;
}

// ---- a finished answer ----------------------------------------------------------------------
function finish(turn) {
  const { answer = turn.text, citations = [], checks = [], abstained = false, notes = [] } = turn.extra ?? {};
  const figures = checks.filter((check) => check.kind === "number");
  const marks = [
    ...citations.map((citation, index) => ({ text: `[${index + 1}]`, node: () => cite(turn, index) })),
    ...figures.filter((check) => check.status !== "removed").map((check) => ({ text: check.claim, node: () => mark(check) })),
  ];
  turn.text = answer;
  turn.box.classList.toggle("abstained", abstained);
  turn.body.replaceChildren(...prose(answer, (words) => place(words, marks)));
  turn.body.append(...notes.map((note) => element("p", { className: "verdict" }, note)));
  turn.body.append(...[verdict(figures, abstained), sources(turn, citations), tools(turn, citations)].filter(Boolean));
  turn.box.replaceChildren(turn.body);
  const follow = followUps(citations);
  if (follow) turn.box.append(follow);
}
const called = (citation) => (state.language === "zh" && citation.name_zh) || citation.name;
const stands = (check) => check.status === "verified" || check.status === "repaired";
function cite(turn, index) {
  const citation = turn.extra.citations[index];
  const label = say("citation", { n: index + 1, name: called(citation) });
  const numbers = turn.extra.checks.filter((check) => check.kind === "number" && stands(check)).map((check) => check.claim);
  return element("button", {
    type: "button", className: "cite", "aria-label": label, "aria-expanded": "false", "aria-controls": "panel", title: called(citation),
    onclick: (event) => openRecord(citation.id, event.currentTarget, numbers),
  }, String(index + 1));
}
function mark(check) {
  return element("span", { className: stands(check) ? "figure" : "figure doubt", title: check.reason }, check.claim,
    element("span", { className: "sr-only" }, ` (${say(stands(check) ? "checked" : "doubted")})`));
}
function verdict(figures, abstained) {
  if (abstained) return element("p", { className: "verdict" }, say("abstained"));
  if (!figures.length) return null;
  const ok = figures.filter(stands).length;
  const removed = figures.filter((check) => check.status === "removed").length;
  const words = [say(ok === figures.length ? "allChecked" : "someChecked", { ok, n: figures.length })];
  if (removed) words.push(say("removed", { n: removed }));
  return element("p", { className: `verdict ${ok === figures.length ? "good" : "doubt"}` }, words.join(" "));
}
function sources(turn, citations) {
  if (!citations.length) return null;
  return element("ol", { className: "sources", "aria-label": say("sources") }, ...citations.map((citation, index) =>
    element("li", {}, cite(turn, index), element("span", {}, called(citation), " ", element("span", { className: "id" }, [citation.place, citation.year, citation.id].filter(Boolean).join(" · "))))));
}
function tools(turn, citations) {
  const button = (words, act, label = words) => element("button", { type: "button", className: "quiet", "aria-label": label, onclick: act }, words);
  const buttons = [button(say("copyAnswer"), () => copy(turn.text))];
  if (citations.length) {
    const ids = citations.map((citation) => citation.id);
    buttons.push(button(say("copyCitations"), () => copy(citations.map((citation, index) => `[${index + 1}] ${citation.name}. ${citation.id}`).join("\n"))));
    for (const [form, label, file] of [["bibtex", "BibTeX", "bib"], ["csl-json", "CSL-JSON", "json"], ["csv", "CSV", "csv"]]) {
      buttons.push(button(`${label} ↓`, () => exportCitations(ids, form, file), say("export", { format: label })));
    }
  }
  return element("div", { className: "tools" }, ...buttons);
}
function followUps(citations) {
  if (!citations.length) return null;
  const name = called(citations[0]).split(/[;；]/)[0].trim();
  const chips = ["followInputs", "followEmissions", "followYear"].map((word) => say(word, { name }));
  return element("ul", { className: "chips follow", "aria-label": say("followUps") }, ...chips.map(chip));
}
function chip(question) {
  return element("li", {}, element("button", { type: "button", className: "chip", onclick: () => ask(question) }, question));
}
async function copy(text) {
  try { await navigator.clipboard.writeText(text); announce(say("copied")); } catch { announce(say("copyFailed")); }
}
async function exportCitations(ids, form, file) {
  try {
    const { content } = await (await call("/chat/citations", { ids, form })).json();
    const link = element("a", { href: URL.createObjectURL(new Blob([content], { type: "text/plain" })), download: `lca-citations.${file}` });
    link.click();
    URL.revokeObjectURL(link.href);
  } catch (error) { announce(say("failed", { reason: error.message })); }
}

// ---- evidence -------------------------------------------------------------------------------
async function openRecord(id, opener, numbers = []) {
  openPanel(opener, say("loading"));
  try {
    const record = await (await call("/api/show", { id, limit: 1000 })).json();
    $("panel-title").textContent = record.name;
    const marks = numbers.map((text) => text.match(/[-+]?[\d.,]*\d(e[-+]?\d+)?/i)?.[0]).filter(Boolean)
      .map((text) => ({ text, node: () => element("mark", {}, text) }));
    $("panel-evidence").replaceChildren(element("div", { className: "prose" }, ...prose(record.evidence.replace(/^# .*\n+/, ""), (words) => place(words, marks))));
    $("panel-copy").onclick = () => copy(record.id);
    $("panel-similar").onclick = () => openSimilar(record);
    $("panel-copy").parentElement.hidden = false;
    const evidence = $("panel-evidence");
    (evidence.querySelector("td mark") ?? evidence.querySelector("mark"))?.scrollIntoView({ block: "center" });
  } catch (error) { $("panel-evidence").replaceChildren(element("p", {}, say("failed", { reason: error.message }))); }
}
async function openSimilar(record) {
  openPanel(state.opener, say("similarTo", { name: record.name }));
  try {
    const { hits } = await (await call("/api/similar", { id: record.id, k: 10 })).json();
    $("panel-evidence").replaceChildren(element("ul", { className: "found" }, ...hits.map((hit) =>
      element("li", {}, element("button", { type: "button", onclick: () => openRecord(hit.id, state.opener) }, hit.name),
        element("small", {}, [hit.database, hit.place, say("similarity", { score: hit.score.toFixed(2) })].filter(Boolean).join(" · "))))));
  } catch (error) { $("panel-evidence").replaceChildren(element("p", {}, say("failed", { reason: error.message }))); }
}
function openPanel(opener, title) {
  state.opener?.setAttribute?.("aria-expanded", "false");
  state.opener = opener;
  opener?.setAttribute("aria-expanded", "true");
  $("panel").hidden = false;
  $("panel-title").textContent = title;
  $("panel-evidence").replaceChildren();
  $("panel-copy").parentElement.hidden = true;
  $("panel").focus();
}
function closePanel() {
  if ($("panel").hidden) return false;
  $("panel").hidden = true;
  state.opener?.setAttribute("aria-expanded", "false");
  if (state.opener?.isConnected) state.opener.focus(); else $("question").focus();
  return true;
}

// ---- start ----------------------------------------------------------------------------------
async function showExamples() {
  const examples = state.examples?.[state.language] ?? [];
  $("examples").replaceChildren(...examples.map(chip));
  $("examples-title").hidden = examples.length === 0;
}
async function load() {
  const [examples, info] = await Promise.all([call("/chat/examples", {}), call("/api/info", {})]);
  state.examples = await examples.json();
  const chosen = $("f-database").value;
  for (const { database } of (await info.json()).databases) $("f-database").append(element("option", { value: database }, database));
  $("f-database").value = chosen;
  showExamples();
}
function resize() {
  const box = $("question");
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}
function theme(chosen) {
  document.documentElement.dataset.theme = chosen;
  store.set("localStorage", "theme", chosen);
}
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (state.running) { state.running.abort(); return; }
  const question = $("question").value;
  if (!question.trim()) { $("question").focus(); return; }
  $("question").value = "";
  resize();
  ask(question);
});
$("question").addEventListener("input", resize);
$("question").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!state.running) $("composer").requestSubmit();
});
document.addEventListener("keydown", (event) => {
  if ($("key-dialog").open) return;
  if (event.key === "Escape" && !closePanel()) state.running?.abort();
  if (event.key === "/" && !/INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) { event.preventDefault(); $("question").focus(); }
});
$("filters").addEventListener("input", showFilters);
$("filters-clear").addEventListener("click", () => {
  for (const id of ["f-place", "f-year", "f-kind", "f-database"]) $(id).value = "";
  $("f-strict").checked = false;
  showFilters();
});
$("panel-close").addEventListener("click", closePanel);
$("fresh").addEventListener("click", () => {
  state.running?.abort();
  state.turns = [];
  $("turns").replaceChildren();
  $("panel").hidden = true;
  $("welcome").hidden = false;
  $("question").focus();
});
$("language").addEventListener("click", () => { speak(state.language === "en" ? "zh" : "en"); showFilters(); });
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme === "dark"
    || (document.documentElement.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  theme(dark ? "light" : "dark");
});
theme(store.get("localStorage", "theme") ?? "auto");
speak(store.get("localStorage", "language") ?? (navigator.language.startsWith("zh") ? "zh" : "en"));
load().catch((error) => announce(say("failed", { reason: error.message })));
$("question").focus({ preventScroll: true });
