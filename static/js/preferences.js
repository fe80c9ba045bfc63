// Theme and row height change at once and are kept in the background. Language changes the words, so it loads the page.
import { token } from "./requests.js";

const root = document.documentElement;
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
const next = {
  theme: () => (isDark() ? "light" : "dark"),
  density: () => (root.dataset.density === "comfortable" ? "compact" : "comfortable"),
};

document.addEventListener("submit", (event) => {
  const name = event.submitter?.dataset.toggle;
  if (!name) return;
  event.preventDefault();
  root.dataset[name] = next[name]();
  const headers = { "X-CSRFToken": token(), "X-Quiet": "1" };
  fetch(event.target.action, { method: "POST", headers, body: new URLSearchParams({ [name]: root.dataset[name] }) });
});
