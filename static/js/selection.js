// Rows with check boxes: Shift marks a range, the bar shows how many, Esc clears (see keyboard.js).
let last = null;

const boxes = (root = document) => [...root.querySelectorAll("input[data-select]")];

function show() {
  const chosen = boxes().filter((box) => box.checked);
  for (const box of boxes()) box.closest("tr")?.toggleAttribute("aria-selected", box.checked);
  for (const row of document.querySelectorAll("tr[aria-selected]")) row.setAttribute("aria-selected", "true");
  for (const bar of document.querySelectorAll("[data-selbar]")) {
    const count = chosen.filter((box) => box.form === bar).length;
    bar.classList.toggle("has-choice", count > 0);
    const figure = bar.querySelector("[data-selected-count]");
    const isAll = bar.querySelector("input[name=all]")?.checked;
    const total = bar.querySelector("[data-total]")?.dataset.total; // may come after the page itself
    if (figure) figure.textContent = isAll && total ? total : count;
  }
  for (const all of document.querySelectorAll("input[data-select-all]")) {
    const mine = boxes(all.closest("table"));
    const count = mine.filter((box) => box.checked).length;
    all.checked = count > 0 && count === mine.length;
    all.indeterminate = count > 0 && count < mine.length;
  }
}

export function clear() {
  const any = boxes().some((box) => box.checked);
  for (const box of boxes()) box.checked = false;
  for (const all of document.querySelectorAll("[data-selbar] input[name=all]")) all.checked = false;
  show();
  return any;
}

export function mark(box, toHere) {
  if (toHere && last?.isConnected && last !== box) {
    const mine = boxes(box.closest("table"));
    const [from, to] = [mine.indexOf(last), mine.indexOf(box)].sort((a, b) => a - b);
    for (const between of mine.slice(from, to + 1)) between.checked = box.checked;
  }
  last = box;
  show();
}

document.addEventListener("click", (event) => {
  const box = event.target.closest("input[data-select]");
  if (box) mark(box, event.shiftKey);
  if (event.target.closest("[data-select-none]")) clear();
  const all = event.target.closest("input[data-select-all]");
  if (all) {
    for (const one of boxes(all.closest("table"))) one.checked = all.checked;
    show();
  }
});
document.addEventListener("change", (event) => { if (event.target.matches("[data-selbar] input[name=all]")) show(); });
document.addEventListener("htmx:afterSettle", show);
window.addEventListener("pageshow", show);
