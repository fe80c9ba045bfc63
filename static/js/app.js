// Starts every behaviour. Each is bound by data- attributes and listens on the document, so parts that htmx swaps in
// work without being bound again; those that must look at new elements listen to "htmx:load".
import "./requests.js";
import "./copy.js";
import "./time.js";
import "./preferences.js";
import "./zone.js";
import "./dialogs.js";
import "./drawer.js";
import "./toasts.js";
import "./selection.js";
import "./palette.js";
import "./query.js"; // before keyboard.js: Escape closes its list first
import "./guard.js";
import "./back.js";
import "./into-view.js";
import "./slotmap.js";
import "./keyboard.js";
import "./live.js";
