/** How large each tile is shown, in pixels of the screen; what is scrolled away has no height. */

/** Sizes settle for so long before they are told: a window that is dragged tells one, not hundreds. */
const SETTLE_MS = 250;
/** Tiles are got ready this far before they scroll into sight. */
const AHEAD = '25%';

interface Seen {
  readonly key: string;
  height: number;
  visible: boolean;
}

/** Watches the tiles. */
export class Sizes {
  readonly #seen = new Map<Element, Seen>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #resized = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const seen = this.#seen.get(target);
      if (seen !== undefined) seen.height = contentRect.height;
    }
    this.#changed();
  });
  readonly #scrolled = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const seen = this.#seen.get(target);
        if (seen !== undefined) seen.visible = isIntersecting;
      }
      this.#changed();
    },
    { rootMargin: AHEAD },
  );

  constructor(private readonly tell: (heights: ReadonlyMap<string, number>) => void) {}

  /** Watches a tile; the result ends it. */
  watch(key: string, element: Element): () => void {
    this.#seen.set(element, { key, height: element.clientHeight, visible: true });
    this.#resized.observe(element);
    this.#scrolled.observe(element);
    return () => {
      this.#seen.delete(element);
      this.#resized.unobserve(element);
      this.#scrolled.unobserve(element);
    };
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const pixels = ({ visible, height }: Seen): number => (visible ? Math.round(height * devicePixelRatio) : 0);
      this.tell(new Map([...this.#seen.values()].map((seen) => [seen.key, pixels(seen)])));
    }, SETTLE_MS);
  }
}
