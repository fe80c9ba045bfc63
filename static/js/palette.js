// The finder: a box whose arrows move through the links that the server made out of what was typed.
const dialog = () => document.getElementById("palette");
const input = () => document.getElementById("palette-q");
const options = () => [...document.querySelectorAll("#palette-results [role=option]")];

function choose(index) {
  const all = options();
  if (!all.length) return input()?.removeAttribute("aria-activedescendant");
  const wanted = (index + all.length) % all.length;
  all.forEach((option, at) => {
    option.id = `hit-${at}`;
    option.tabIndex = -1;
    option.setAttribute("aria-selected", at === wanted);
  });
  input().setAttribute("aria-activedescendant", `hit-${wanted}`);
  all[wanted].scrollIntoView({ block: "nearest" });
}
let shownFor = null; // what had been typed when the results that are shown were asked for
let hurry = null; // the Enter that was pressed before its results came

const follow = (link, event) => {
  if (event.ctrlKey || event.metaKey) window.open(link.href, "_blank", "noopener");
  else location.assign(link.href);
};
const chosen = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");

document.addEventListener("dialog:open", (event) => {
  if (event.target !== dialog()) return;
  hurry = null;
  input().select();
  window.htmx?.trigger(input(), "palette:open");
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id !== "palette-results") return;
  shownFor = event.detail.requestConfig.parameters.q;
  choose(0);
  if (hurry && shownFor === input().value && chosen() >= 0) follow(options()[chosen()], hurry);
});
document.addEventListener("input", (event) => {
  if (event.target === input()) hurry = null;
});
document.addEventListener("keydown", (event) => {
  if (event.target !== input()) return;
  if (event.key === "ArrowDown") choose(chosen() + 1);
  else if (event.key === "ArrowUp") choose(chosen() - 1);
  else if (event.key === "Enter" && input().value !== shownFor) hurry = event; // those on show are for other words
  else if (event.key === "Enter" && chosen() >= 0) follow(options()[chosen()], event);
  else return;
  event.preventDefault();
});
