// Buttons with data-copy put that text on the clipboard and say so.
import { say } from "./say.js";

async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "vh";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("refused");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await write(button.dataset.copy);
    say(document.body.dataset.copied);
    button.classList.add("is-done");
    const use = button.querySelector("use");
    const before = use?.getAttribute("href");
    use?.setAttribute("href", before.replace(/#.*/, "#check"));
    setTimeout(() => {
      button.classList.remove("is-done");
      use?.setAttribute("href", before);
    }, 1500);
  } catch {
    say(document.body.dataset.notCopied);
  }
});
