// Who takes part in the journeys. Everyone has a tone of their own, and in Chromium a colour.

import { colours } from './fake-media.mjs';

export const anna = { name: 'Anna', tone: 500, colour: colours.red };
export const ben = { name: 'Ben', tone: 800, colour: colours.green };
export const chris = { name: 'Chris', tone: 1200, colour: colours.blue };
export const dora = { name: 'Dora', tone: 1600, colour: colours.grey };
/** Firefox has a camera of its own. */
export const fatma = { name: 'Fatma', tone: 2000 };
export const nadia = { name: 'Nadia', tone: 2600 };

export const tones = [anna, ben, chris, dora, fatma, nadia].map(({ tone }) => tone);
