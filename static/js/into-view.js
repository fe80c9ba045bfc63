// [data-into-view] is brought into the middle of the window when the page opens. The focus stays where it is, so the
// skip link is still the first stop; an address with a #fragment and a page come back to keep their own place.
const [visit] = performance.getEntriesByType("navigation");
const wanted = document.querySelector("[data-into-view]");
if (wanted && !location.hash && visit?.type === "navigate") {
  const { top, bottom } = wanted.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) wanted.scrollIntoView({ block: "center", behavior: "instant" });
}

// Whoever comes by a #fragment to a part that is there to be filled in writes at once. After the load: going to the
// fragment takes the focus away from any field.
const part = location.hash && visit?.type === "navigate" && document.getElementById(location.hash.slice(1));
if (part && "fill" in part.dataset) {
  const field = part.querySelector("form :is(input:not([type=hidden]), select, textarea)");
  const begin = () => requestAnimationFrame(() => field?.focus());
  if (document.readyState === "complete") begin();
  else addEventListener("load", begin, { once: true });
}
