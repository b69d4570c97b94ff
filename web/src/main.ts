/** Composition root: reads the link, clears it from the address bar, mounts the page. */

import { mount } from 'svelte';
import { takeLink } from './link';
import { canEncrypt } from './media/connection';
import { readPreferences } from './preferences';
import './styles/base.css';
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

if (!canEncrypt()) app.obstacle = 'unsupported';
else if (reading.kind === 'none') app.obstacle = 'home';
else if (reading.kind === 'incomplete') app.obstacle = 'incomplete';
else void app.arrive(reading.link);

const target = document.getElementById('app');
if (target !== null) mount(Page, { target, props: { app } });
