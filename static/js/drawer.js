// The drawer beside a list: its links are loaded by htmx, its address is pushed; here are focus, closing, the marked row.
let listUrl = "";
let opener = null;

const drawer = () => document.getElementById("drawer");
export const isOpen = () => Boolean(drawer()?.querySelector("[data-drawer-open]"));

export function close() {
  const link = drawer()?.querySelector("[data-drawer-close]");
  if (!link) return;
  if (!listUrl) return link.click(); // it came with the page: follow the link to the list
  drawer().replaceChildren();
  history.replaceState(history.state, "", listUrl);
  for (const row of document.querySelectorAll("tr.is-open")) row.classList.remove("is-open");
  opener?.isConnected && opener.focus();
  listUrl = "";
}

// A new tab is asked of the browser, not of htmx.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-drawer]");
  if (link && (event.ctrlKey || event.metaKey || event.shiftKey)) event.stopImmediatePropagation();
}, true);

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-drawer-close]") || !listUrl) return;
  event.preventDefault();
  close();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.target?.id !== "drawer") return;
  if (!isOpen()) listUrl = location.href;
  opener = event.detail.elt;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "drawer" || !isOpen()) return;
  for (const row of document.querySelectorAll("tr.is-open")) row.classList.remove("is-open");
  opener?.closest("tr")?.classList.add("is-open");
  document.getElementById("drawer-title")?.focus();
});

window.addEventListener("popstate", () => { listUrl = ""; });
