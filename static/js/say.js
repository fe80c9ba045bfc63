// The status line for screen readers.
export function say(text) {
  const line = document.getElementById("say");
  if (line) line.textContent = text;
}
