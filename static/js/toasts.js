// Toasts: good news goes by itself, bad news stays until dismissed. Undo counts down.
const KEEP = 5;
const GOOD = new Set(["ok", "info"]);
const region = () => document.getElementById("toasts");

export function toast(kind, title, text = "") {
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.toast = kind;
  box.setAttribute("role", kind === "bad" ? "alert" : "status");
  const body = document.createElement("div");
  const head = document.createElement("b");
  head.textContent = title;
  const rest = document.createElement("small");
  rest.textContent = text;
  body.append(head, rest);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn s quiet";
  button.dataset.dismiss = "";
  button.textContent = document.body.dataset.dismiss;
  box.append(body, button);
  const same = [...region().children].find((other) => other.textContent === box.textContent);
  same?.remove();
  region().append(box);
  start(box);
}

function start(box) {
  if (box.dataset.started) return;
  box.dataset.started = "1";
  const undo = box.querySelector("[data-undo]");
  let left = undo ? 30 : GOOD.has(box.dataset.toast) ? 8 : 0;
  if (!left) return;
  const show = box.querySelector("[data-left]");
  const clock = setInterval(() => {
    if (!box.isConnected) return clearInterval(clock);
    if (box.matches(":hover, :focus-within") && !undo) return;
    left -= 1;
    if (show) show.textContent = `${left} s`;
    if (left <= 0) { clearInterval(clock); box.remove(); }
  }, 1000);
}

function startAll() {
  const all = region()?.querySelectorAll(".toast") ?? [];
  [...all].slice(0, -KEEP).forEach((old) => old.remove());
  all.forEach(start);
}

document.addEventListener("click", (event) => event.target.closest("[data-dismiss]")?.closest(".toast")?.remove());
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) event.detail.elt.closest?.("[data-undo]")?.closest(".toast")?.remove();
});
document.addEventListener("htmx:oobAfterSwap", startAll);
startAll();
