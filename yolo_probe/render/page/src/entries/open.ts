/** The page that `yolo-probe page` writes: it asks for a file, a line or a name, and shows what Python answers. */
import { Page } from "../open/page";

const root = document.getElementById("page");
if (root) new Page(root).ready.then(keepForLater, () => undefined);

/** Keeps the site for when there is no network; where a browser does not, the page works all the same. */
function keepForLater(): void {
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("offline.js").catch(() => undefined);
}
