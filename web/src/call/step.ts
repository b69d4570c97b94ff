/** Putting outcomes together. */

import type { Effect, Outcome } from './messages';
import type { State } from './state';

/** A part of a reduction. */
export type Step = (state: State) => Outcome<State>;

/** Nothing changes. */
export function unchanged(state: State): Outcome<State> {
  return { state, effects: [] };
}

/** A new state, and what follows from it. */
export function outcome(state: State, ...effects: Effect[]): Outcome<State> {
  return { state, effects };
}

/** One step after the other, the effects in the same order. */
export function chain(state: State, ...steps: Step[]): Outcome<State> {
  const effects: Effect[] = [];
  let current = state;
  for (const step of steps) {
    const result = step(current);
    current = result.state;
    effects.push(...result.effects);
  }
  return { state: current, effects };
}
