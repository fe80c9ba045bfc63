// Keys move and open; no single key ever changes a cluster.
import { close as closeDrawer, isOpen as drawerIsOpen } from "./drawer.js";
import { open as openDialog } from "./dialogs.js";
import { pause } from "./live.js";
import { clear as clearSelection, mark } from "./selection.js";

let waiting = 0; // until when a letter after `g` counts

const isTyping = (element) => element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("table[data-rows] tbody tr")];
const here = () => document.activeElement?.closest?.("table[data-rows] tbody tr") ?? document.querySelector("table[data-rows] tr.is-open");

function focusRow(row) {
  const link = row.querySelector("a[data-row]") ?? row.querySelector(".key a, a"); // what the row is about, else its name
  if (!link) row.tabIndex = -1;
  (link ?? row).focus();
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(here());
  const row = all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + by))];
  focusRow(row);
  if (drawerIsOpen()) row.querySelector("a[data-drawer]")?.click();
}

const keys = {
  "/": () => {
    const field = document.querySelector("main [data-search]") ?? document.querySelector("main input[type=search]");
    field?.focus();
    field?.select?.();
    return Boolean(field);
  },
  "?": () => openDialog(document.getElementById("keys")),
  j: () => step(1),
  k: () => step(-1),
  x: (event) => {
    const box = here()?.querySelector("input[data-select]");
    if (!box) return false;
    box.checked = !box.checked || event.shiftKey;
    mark(box, event.shiftKey);
    return true;
  },
  c: () => {
    const button = here()?.querySelector("[data-copy]");
    button?.click();
    return Boolean(button);
  },
  p: () => pause(),
  g: () => { waiting = Date.now() + 1500; },
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return openDialog(document.getElementById("palette"));
  }
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open], [popover]:popover-open")) return;
  if (event.key === "Escape") {
    if (isTyping(event.target)) {
      if (event.target.value) event.preventDefault(); // left to itself a search field would lose what was typed
      return event.target.blur();
    }
    return drawerIsOpen() ? closeDrawer() : clearSelection();
  }
  if (isTyping(event.target)) return;
  if (waiting > Date.now()) {
    waiting = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act && act(event) !== false) event.preventDefault();
});
