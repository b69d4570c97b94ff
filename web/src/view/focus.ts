/** Where the focus goes when what had it goes away. */

/**
 * Puts the focus on the page's heading when the focused element leaves the document, as a button does that was pressed
 * and is done: the browser would leave it on nothing, and the next press of Tab would begin anywhere. The result ends it.
 */
export function keepFocus(): () => void {
  let focused: Element | null = null;
  const remember = ({ target }: FocusEvent): void => void (focused = target instanceof Element ? target : null);
  const watching = new MutationObserver(() => {
    if (focused === null || focused.isConnected) return;
    focused = null;
    if (document.activeElement === document.body) document.querySelector('h1')?.focus();
  });
  document.addEventListener('focusin', remember);
  watching.observe(document.body, { childList: true, subtree: true });
  return () => {
    document.removeEventListener('focusin', remember);
    watching.disconnect();
  };
}
