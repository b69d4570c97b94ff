/** What is said in passing: each message its own, for some seconds, however alike two of them are. */

/** A short message. */
export interface Said {
  readonly id: number;
  readonly text: string;
}

/** Messages, oldest first; each goes after its time, or when more came than there is room for. */
export class Passing {
  list = $state.raw<readonly Said[]>([]);
  readonly #most: number;
  readonly #ms: number;
  #next = 1;

  /** At most so many at once, each for so many milliseconds. */
  constructor(most: number, ms: number) {
    this.#most = most;
    this.#ms = ms;
  }

  say(text: string): void {
    const said = { id: this.#next++, text };
    this.list = [...this.list, said].slice(-this.#most);
    setTimeout(() => (this.list = this.list.filter(({ id }) => id !== said.id)), this.#ms);
  }
}
