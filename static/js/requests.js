// What all htmx requests share: the form token, and what to do with answers that are no success.
import { toast } from "./toasts.js";

const meta = () => document.querySelector("meta[name=csrf]");
let isStale = false;

export const token = () => meta()?.content ?? "";

export async function refreshToken() {
  const answer = await fetch(meta().dataset.fresh, { headers: { Accept: "application/json" } });
  if (!answer.ok || !answer.headers.get("content-type")?.includes("json")) return;
  const { token: fresh } = await answer.json();
  meta().content = fresh;
  for (const input of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) input.value = fresh;
  isStale = false;
}

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRFToken"] = token();
});

// Only our own answers are shown; a gateway's error page in between must not land in the page.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.getResponseHeader("X-Fresh")) refreshToken();
  if (xhr.status >= 400 && xhr.getResponseHeader("X-Fragment")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

document.addEventListener("htmx:responseError", () => toast("bad", document.body.dataset.broken, document.body.dataset.offlineWhy));
for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => toast("bad", document.body.dataset.offline, document.body.dataset.offlineWhy));
}

// Signing in elsewhere changes the token: fetch it when this tab is looked at again.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-stale-token]")) isStale = true;
});
document.addEventListener("visibilitychange", () => {
  if (isStale && document.visibilityState === "visible") refreshToken();
});
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-fresh]");
  if (!form || form.dataset.fresh === "done") return;
  event.preventDefault();
  await refreshToken().catch(() => {});
  form.dataset.fresh = "done";
  form.requestSubmit(event.submitter);
});
