// Keeps <time data-ago> fresh. The phrases come translated from <body data-ago-… data-in-…>; the exact time stays in title.
const STEPS = [[90, 1, "S"], [90 * 60, 60, "Min"], [36 * 3600, 3600, "H"], [60 * 86400, 86400, "D"]];

function phrase(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  const step = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  if (!step) return "";
  const words = document.body.dataset[(seconds > -1 ? "ago" : "in") + step[2]];
  return words ? words.replace("{n}", Math.trunc(Math.abs(seconds) / step[1])) : "";
}

function refresh() {
  if (document.visibilityState !== "visible") return;
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = phrase(time.dateTime);
    if (text && text !== time.textContent) time.textContent = text;
  }
}

setInterval(refresh, 10_000);
document.addEventListener("visibilitychange", refresh);
