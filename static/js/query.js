// The search box: suggestions at the caret, reached by arrows; Enter or Tab takes the chosen one, Escape closes the list.
// Tab takes the first one too while a word is half typed; right after that it moves on.
// Backspace at the start of the field turns the last chip back into text.
const box = () => document.querySelector("[data-query]");
const field = () => document.getElementById("q");
const list = () => document.getElementById("suggestions");
const options = () => [...(list()?.querySelectorAll("[role=option]") ?? [])];
const chosen = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");
const isOpen = () => box()?.classList.contains("is-open");
let asked = "";
let answered = ""; // what the suggestions in the list were made for
let taken = ""; // what Tab has left in the field
let isSwapping = false; // focus that comes back after an answer doesn't open the list over it

function show(open) {
  box()?.classList.toggle("is-open", open);
  field()?.setAttribute("aria-expanded", open);
  if (!open) choose(-1);
}

function choose(index) {
  options().forEach((option, at) => option.setAttribute("aria-selected", at === index));
  const one = options()[index];
  if (one) field().setAttribute("aria-activedescendant", one.id);
  else field()?.removeAttribute("aria-activedescendant");
  one?.scrollIntoView({ block: "nearest" });
}

// The server counts characters, the browser halves of them.
const characters = (text) => [...text];
const state = () => `${field().selectionStart} ${field().value}`;
const caret = () => characters(field().value.slice(0, field().selectionStart)).length;

function take(option) {
  if (answered.slice(answered.indexOf(" ") + 1) !== field().value) return ask(); // its place is one of an older text
  const all = characters(field().value);
  const [start, end] = [Number(option.dataset.start), Number(option.dataset.end)];
  const isOpenEnd = "open" in option.dataset;
  const before = all.slice(0, start).join("") + option.dataset.text + (isOpenEnd ? "" : " ");
  field().value = before + all.slice(end).join("").replace(/^ +/, isOpenEnd ? " " : "");
  if (isOpenEnd) field().value = field().value.trimEnd();
  field().setSelectionRange(before.length, before.length);
  field().focus();
  choose(-1); // it is used: an Enter right after this searches
  ask();
}

function ask() {
  show(true);
  window.htmx?.trigger(field(), "suggest");
}

// The suggestion that only goes on with the word at the caret, if the list's first one does.
function completion() {
  const [option] = options();
  if (!option || "past" in option.dataset || answered !== state() || taken === state()) return null;
  const word = characters(field().value).slice(Number(option.dataset.start), Number(option.dataset.end)).join("");
  const [typed, text] = [word.toLowerCase(), option.dataset.text.toLowerCase()];
  return typed && typed !== text && text.startsWith(typed) ? option : null;
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt !== field()) return;
  asked = state();
  event.detail.parameters = { typed: field().value, caret: caret() };
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "search") answered = ""; // a new box begins with the list of an empty one
  if (event.detail.target?.id !== "suggestions") return;
  answered = asked;
  choose(-1);
  if (document.activeElement === field() && !options().length) show(false);
});
document.addEventListener("htmx:beforeSwap", (event) => { if (event.detail.target?.id === "search") isSwapping = true; });
document.addEventListener("htmx:afterSettle", () => { isSwapping = false; });

document.addEventListener("input", (event) => { if (event.target === field()) show(true); });
document.addEventListener("focusin", (event) => {
  if (event.target !== field() || isSwapping) return;
  if (!field().value || field().value.endsWith(" ")) ask();
});
document.addEventListener("focusout", (event) => { if (event.target === field()) show(false); });
document.addEventListener("submit", (event) => { if (box()?.contains(event.target)) show(false); });
// Before the click takes the focus away from the field.
document.addEventListener("mousedown", (event) => {
  const option = event.target.closest?.("#suggestions [role=option]");
  if (!option) return;
  event.preventDefault();
  take(option);
});

function unchip() {
  const chip = [...box().querySelectorAll("[data-chip]")].pop();
  if (!chip) return false;
  const text = chip.dataset.chip;
  field().value = `${text} ${field().value}`.trimEnd();
  field().setSelectionRange(text.length, text.length);
  chip.remove();
  ask();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.target !== field() || event.isComposing) return;
  const count = options().length;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const by = event.key === "ArrowDown" ? 1 : -1;
    if (!isOpen()) ask();
    else if (count) choose(chosen() < 0 && by < 0 ? count - 1 : (chosen() + by + count) % count);
  } else if ((event.key === "Enter" || event.key === "Tab") && isOpen() && chosen() >= 0 && !event.shiftKey) {
    take(options()[chosen()]);
    taken = event.key === "Tab" ? state() : "";
  } else if (event.key === "Tab" && isOpen() && !event.shiftKey && completion()) {
    take(completion());
    taken = state();
  } else if (event.key === "Escape" && isOpen()) {
    show(false);
  } else if (event.key !== "Backspace" || field().selectionStart || field().selectionEnd || !unchip()) {
    return;
  }
  event.preventDefault();
});
