/** The accounts of the organisation, a page at a time, as far as they are shown. */

import type { AccountInfo } from '../../../wire';
import type { Desk } from '../../desk.svelte';

export class AccountPages {
  accounts = $state.raw<readonly AccountInfo[]>([]);
  more = $state(false);
  problem = $state('');
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Reads the next page, or all of them anew as far as they were shown. */
  async read(further: boolean): Promise<void> {
    const shown = this.accounts.length;
    let found: AccountInfo[] = further ? [...this.accounts] : [];
    do {
      const after = found.at(-1)?.account ?? null;
      const page = await this.#desk.ask((api) => api.accounts(after));
      if (!page.ok) return void (this.problem = this.#desk.sentence(page));
      found = [...found, ...page.value.accounts];
      this.more = page.value.more && page.value.accounts.length > 0;
    } while (!further && this.more && found.length < shown);
    this.accounts = found;
  }
}
