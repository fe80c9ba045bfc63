// When a part of the page that follows the cluster ([data-live]) may ask for itself again: at most once a second, and not
// under somebody's hands. live.js fires "live:<topic>" on body; htmx asks; the answer is morphed in, so focus, scroll
// and open parts stay.
const REST = 1000;
const asked = new Map(); // part id -> when it last asked
const waiting = new Set(); // ids of parts that would have asked
let timer = 0;

export const parts = () => [...document.querySelectorAll("[data-live]")];
export const topicsOf = (part) => part.dataset.live.split(" ").filter(Boolean);

const TYPING = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]";
const isLive = (event) => event.detail.elt?.dataset?.live !== undefined && event.detail.requestConfig?.triggeringEvent?.type.startsWith("live:");

function isTouched(control) {
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  if (control.tagName === "SELECT") {
    const options = [...control.options];
    return options[control.selectedIndex] !== (options.find((option) => option.defaultSelected) ?? options[0]);
  }
  return "defaultValue" in control && control.type !== "hidden" && control.value !== control.defaultValue;
}

// Somebody types, selects, has a menu or dialog of it open, or waits for something they asked of it.
export function isBusy(part) {
  const active = document.activeElement;
  if (active && part.contains(active) && active.matches(TYPING)) return true;
  if (part.querySelector("dialog[open], [popover]:popover-open, .htmx-request")) return true;
  if ([...part.querySelectorAll("input, textarea, select")].some(isTouched)) return true;
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && selection.rangeCount && selection.getRangeAt(0).intersectsNode(part));
}

function later(id, wait) {
  waiting.add(id);
  clearTimeout(timer);
  timer = setTimeout(again, Math.max(50, wait));
}

function again() {
  const ids = [...waiting];
  waiting.clear();
  for (const id of ids) {
    const part = document.getElementById(id);
    if (part?.dataset.live) htmx.trigger(part, "live:again");
  }
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isLive(event)) return;
  const { id } = event.detail.elt;
  const rested = Date.now() - (asked.get(id) ?? 0);
  if (isBusy(event.detail.elt) || rested < REST) {
    event.preventDefault();
    later(id, rested < REST ? REST - rested : REST);
  } else {
    asked.set(id, Date.now());
    waiting.delete(id);
  }
});

// Nobody asked for these answers: a failure is no news for a toast, the part just shows that it is old.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt?.dataset?.live !== undefined && event.detail.triggeringEvent?.type.startsWith("live:")) event.detail.headers["X-Live"] = "1";
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!isLive(event)) return;
  const failed = event.detail.xhr.status >= 400;
  event.detail.elt.classList.toggle("is-stale", failed);
  if (failed || isBusy(event.detail.elt)) {
    event.detail.shouldSwap = false;
    event.stopImmediatePropagation();
    if (!failed) later(event.detail.elt.id, REST);
  }
}, true);
for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    if (!isLive(event)) return;
    event.detail.elt.classList.add("is-stale");
    event.stopImmediatePropagation();
  }, true);
}

// What somebody opened stays open.
if (window.Idiomorph) {
  window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.matches?.("details, dialog"));
}
