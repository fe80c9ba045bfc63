// [data-back] goes back in history when the page before was ours; else it is a plain link.
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-back]") || !document.referrer.startsWith(location.origin)) return;
  event.preventDefault();
  history.back();
});
