// The slot map: pointer and arrow keys compute the slot from its place, since the picture holds a path a shape and no
// element a slot. The chosen slot goes into the form beside it, which works by itself without any of this.
const size = 14;

const pictureOf = (map) => map.querySelector("svg.slotmap");
const number = (picture, name) => Number(picture.dataset[name]);

function placeOf(picture, slot) {
  const columns = number(picture, "columns");
  const pitch = number(picture, "pitch");
  return [
    number(picture, "left") + (slot % columns) * pitch,
    number(picture, "top") + Math.floor(slot / columns) * pitch,
  ];
}

function slotAt(picture, event) {
  const matrix = picture.getScreenCTM();
  if (!matrix) return null;
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
  const pitch = number(picture, "pitch");
  const column = Math.floor((point.x - number(picture, "left")) / pitch);
  const row = Math.floor((point.y - number(picture, "top")) / pitch);
  const slot = row * number(picture, "columns") + column;
  const inside = column >= 0 && column < number(picture, "columns") && row >= 0;
  return inside && slot < number(picture, "count") ? slot : null;
}

// What the map knows of a slot: one character each for its state and who leads it.
function words(map, slot) {
  const states = JSON.parse(map.dataset.words);
  const leaders = map.dataset.nodes.split(" ");
  const state = states[map.dataset.states[slot]];
  const leader = leaders[parseInt(map.dataset.leaders[slot], 36)];
  const led = leader ? map.dataset.sayLed.replace("{node}", leader) : map.dataset.sayUnled;
  return [map.dataset.saySlot.replace("{slot}", slot), state, led].join(" · ");
}

function point(map, slot) {
  const picture = pictureOf(map);
  let frame = picture.querySelector(".point");
  if (!frame) {
    frame = document.createElementNS("http://www.w3.org/2000/svg", "path");
    frame.setAttribute("class", "point");
    picture.append(frame);
  }
  const [x, y] = placeOf(picture, slot);
  frame.setAttribute("d", `M${x - 2} ${y - 2}h${size + 4}v${size + 4}h-${size + 4}z`);
  map.dataset.at = slot;
  const line = document.getElementById(map.dataset.line);
  if (line) line.textContent = words(map, slot);
}

function leave(map) {
  pictureOf(map).querySelector(".point")?.remove();
  const line = document.getElementById(map.dataset.line);
  if (line) line.textContent = map.dataset.sayIdle;
}

function open(map, slot) {
  const form = document.getElementById(map.dataset.form);
  const field = form?.elements.namedItem("slot");
  if (!field) return;
  field.value = slot;
  form.requestSubmit();
}

const moves = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
  PageUp: (columns) => -4 * columns,
  PageDown: (columns) => 4 * columns,
};

function goal(map, key) {
  const picture = pictureOf(map);
  const last = number(picture, "count") - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (!(key in moves)) return null;
  const at = Number(map.dataset.at ?? map.dataset.chosen ?? 0) || 0;
  const there = at + moves[key](number(picture, "columns"));
  return there < 0 || there > last ? at : there;
}

const mapOf = (event) => event.target.closest?.("[data-slotmap]");

document.addEventListener("pointermove", (event) => {
  const map = mapOf(event);
  if (!map) return;
  const slot = slotAt(pictureOf(map), event);
  if (slot === null) leave(map);
  else if (String(slot) !== map.dataset.at || !pictureOf(map).querySelector(".point")) point(map, slot);
});
document.addEventListener("pointerout", (event) => {
  const map = mapOf(event);
  if (map && !map.contains(event.relatedTarget) && document.activeElement !== map) leave(map);
});
document.addEventListener("click", (event) => {
  const map = mapOf(event);
  const slot = map && slotAt(pictureOf(map), event);
  if (map && slot !== null) open(map, slot);
});
document.addEventListener("keydown", (event) => {
  const map = mapOf(event);
  if (!map || event.ctrlKey || event.metaKey || event.altKey) return;
  const slot = goal(map, event.key);
  if (slot !== null) point(map, slot);
  else if (event.key === "Enter" || event.key === " ") open(map, Number(map.dataset.at ?? map.dataset.chosen ?? 0));
  else return;
  event.preventDefault();
  event.stopPropagation();
}, true);
document.addEventListener("focusin", (event) => {
  const map = mapOf(event);
  if (map && event.target === map) point(map, Number(map.dataset.at ?? map.dataset.chosen ?? 0));
});
document.addEventListener("focusout", (event) => {
  const map = mapOf(event);
  if (map && event.target === map) leave(map);
});
// A refreshed map forgets the place; who stands on it keeps the focus.
let held = null;
document.addEventListener("htmx:beforeSwap", () => {
  const map = document.activeElement?.closest?.("[data-slotmap]");
  held = map ? { id: map.id, at: map.dataset.at } : null;
});
document.addEventListener("htmx:afterSettle", () => {
  const map = held?.id && document.getElementById(held.id);
  if (map && held.at !== undefined) {
    map.dataset.at = held.at;
    if (document.activeElement !== map && (document.activeElement === document.body || !document.activeElement)) map.focus();
  }
  held = null;
});
