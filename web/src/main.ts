/** Composition root: reads the link, clears it from the address bar, mounts the page. */

import { mount } from 'svelte';
import { takeLink, type RoomLink } from './link';
import { canEncrypt } from './media/connection';
import { readPreferences } from './preferences';
import './styles/base.css';
import type { RoomInfo } from './wire';
import Page from './view/Page.svelte';
import { App } from './view/app.svelte';

declare global {
  interface Window {
    /** The JSON of *Copy diagnostics*: states and counts, no names, no keys. */
    conclaveDiagnostics: () => Promise<unknown>;
  }
}

const reading = takeLink(location.pathname, location.hash, sessionStorage);
// Before anything else can read, copy or show the secret.
if (location.hash !== '') history.replaceState(null, '', location.pathname);

const app = new App(readPreferences(localStorage, navigator.languages));
window.conclaveDiagnostics = () => app.diagnose();

/** The room may be gone, the server down: better said before the devices are tested than after. */
async function look(link: RoomLink): Promise<void> {
  try {
    const answer = await fetch(`/api/v1/rooms/${link.room}`, { referrerPolicy: 'no-referrer' });
    if (answer.status === 404) app.obstacle = 'no-room';
    else if (answer.ok && ((await answer.json()) as RoomInfo).password && !link.password) app.obstacle = 'incomplete';
  } catch {
    if (app.call?.phase === 'pre-join') app.obstacle = 'unreachable';
  }
}

if (!canEncrypt()) app.obstacle = 'unsupported';
else if (reading.kind === 'none') app.obstacle = 'home';
else if (reading.kind === 'incomplete') app.obstacle = 'incomplete';
else {
  app.open(reading.link);
  void look(reading.link);
}

const target = document.getElementById('app');
if (target !== null) mount(Page, { target, props: { app } });
