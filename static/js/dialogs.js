// Real modal dialogs: [data-open=id] opens, [data-close] closes, dialog[data-modal] opens itself when it arrives.
// Without script the same buttons work as popovers.
let reopen = "";

export function open(dialog) {
  if (!dialog || dialog.matches(":modal")) return;
  if (dialog.open) dialog.close(); // shown without script's help: make it a real one
  dialog.removeAttribute("popover"); // one that can be a popover would also close at the first click beside it
  dialog.showModal();
  const first = ["[aria-invalid=true]", "[data-autofocus]", ".body :is(input:not([type=hidden]), select, textarea)"]
    .map((wanted) => dialog.querySelector(wanted))
    .find(Boolean);
  first?.focus();
  dialog.dispatchEvent(new CustomEvent("dialog:open", { bubbles: true }));
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  const dialog = opener && document.getElementById(opener.dataset.open);
  if (dialog && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    document.querySelector(".menu[popover]:popover-open")?.hidePopover();
    return open(dialog);
  }
  const closer = event.target.closest("[data-close]");
  const shown = closer?.closest("dialog[open]");
  if (shown) {
    if (closer.target !== "_blank") event.preventDefault();
    return shown.close();
  }
  if (event.target.matches("dialog[open]")) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});

document.addEventListener("close", (event) => {
  if (event.target.matches?.("#layer > dialog")) event.target.remove();
}, true);

// A form that was right closes its dialog; one that was wrong comes back open, at its first wrong field.
document.addEventListener("htmx:beforeSwap", (event) => {
  const dialog = event.detail.requestConfig?.elt?.closest("dialog[open]");
  if (!dialog || dialog.dataset.palette !== undefined) return;
  if (event.detail.xhr.status === 422) reopen = dialog.id;
  else if (event.detail.xhr.status < 300 && event.detail.requestConfig.verb === "post") dialog.close();
});
document.addEventListener("htmx:afterSettle", () => {
  const dialog = reopen && document.getElementById(reopen);
  reopen = "";
  if (!dialog) return;
  if (dialog.open) dialog.querySelector("[aria-invalid=true]")?.focus();
  else open(dialog);
});

function openArrived(root) {
  const dialog = root.matches?.("dialog[data-modal]") ? root : root.querySelector?.("dialog[data-modal]");
  open(dialog);
}
document.addEventListener("htmx:load", (event) => openArrived(event.detail.elt));
openArrived(document);
document.addEventListener("htmx:oobAfterSwap", (event) => openArrived(event.detail.target ?? document));
