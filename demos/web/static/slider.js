// The slider between before and after, by keyboard and for screen readers: the page's library knows the pointer only.
const HANDLE = '#edit-slider [data-testid="slider"]';
const STEPS = { ArrowLeft: -0.05, ArrowDown: -0.05, ArrowRight: 0.05, ArrowUp: 0.05, PageDown: -0.2, PageUp: 0.2, Home: -1, End: 1 };

const middle = (box) => box.left + box.width / 2;

/** Where the picture is shown, from its left to its right edge; the handle stays within. */
function extent(handle) {
  const picture = handle.parentElement.querySelector("img");
  const box = picture.getBoundingClientRect();
  const width = Math.min(box.width, (box.height * picture.naturalWidth) / picture.naturalHeight) || box.width;
  return { left: middle(box) - width / 2, width };
}

function shareOf(handle) {
  const { left, width } = extent(handle);
  return width ? Math.min(1, Math.max(0, (middle(handle.getBoundingClientRect()) - left) / width)) : 0.5;
}

/** Put the handle at a share, from 0 to 1, of the picture's width, as if the pointer had dragged it there. */
function drag(handle, share) {
  const { left, width } = extent(handle);
  const box = handle.getBoundingClientRect();
  const at = (x) => ({ bubbles: true, cancelable: true, view: window, clientX: x, clientY: box.top + box.height / 2 });
  handle.dispatchEvent(new MouseEvent("mousedown", at(middle(box))));
  const target = at(left + Math.min(1, Math.max(0, share)) * width);
  window.dispatchEvent(new MouseEvent("mousemove", target));
  window.dispatchEvent(new MouseEvent("mouseup", target));
}

function tell(handle) {
  const percent = Math.round(100 * shareOf(handle));
  handle.setAttribute("aria-valuenow", percent);
  handle.setAttribute("aria-valuetext", `${percent} % before, ${100 - percent} % after`);
}

function equip(handle) {
  handle.tabIndex = 0;
  for (const [name, value] of [["role", "slider"], ["aria-label", "Before and after"], ["aria-valuemin", 0], ["aria-valuemax", 100]]) {
    handle.setAttribute(name, value);
  }
  handle.addEventListener("focus", () => tell(handle));
  handle.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    drag(handle, shareOf(handle) + step);
    requestAnimationFrame(() => tell(handle));
  });
  tell(handle);
}

/** The library makes the handle anew whenever there are other pictures. */
function look() {
  for (const handle of document.querySelectorAll(`${HANDLE}:not([role="slider"])`)) equip(handle);
}

new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
look();
