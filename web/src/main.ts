/** Composition root: reads the link, clears it from the address bar, mounts the page. */

import { mount } from 'svelte';
import { Api, askService } from './desk/api';
import { Desk } from './desk/desk.svelte';
import { placeAt } from './desk/place';
import DeskPage from './desk/view/DeskPage.svelte';
import { isInApp } from './inapp';
import { legalAt } from './legal';
import { takeLink } from './link';
import { canEncrypt } from './media/connection';
import { readPreferences } from './preferences';
import './styles/base.css';
import LegalPage from './view/LegalPage.svelte';
import Page from './view/Page.svelte';
import { App } from './view/app.svelte';

declare global {
  interface Window {
    /** The JSON of *Copy diagnostics*: states and counts, no names, no keys. */
    conclaveDiagnostics: () => Promise<unknown>;
  }
}

const preferences = readPreferences(localStorage, navigator.languages);
const target = document.getElementById('app');

/** The pages for people with an account. */
function openDesk(target: HTMLElement): void {
  const desk = new Desk(preferences, new Api(askService));
  mount(DeskPage, { target, props: { desk } });
  void desk.start();
}

/** The call that a link leads to. */
function openCall(target: HTMLElement): void {
  const reading = takeLink(location.pathname, location.hash, sessionStorage);
  // Before anything else can read, copy or show the secret.
  if (location.hash !== '') history.replaceState(null, '', location.pathname);

  const app = new App(preferences);
  window.conclaveDiagnostics = () => app.diagnose();

  const link = reading.kind === 'link' ? reading.link : null;
  if (link !== null && isInApp(navigator.userAgent)) app.advise('in-app', link);
  else if (!canEncrypt()) app.advise('unsupported', link);
  else if (reading.kind === 'none') app.welcome();
  else if (reading.kind === 'incomplete') app.obstacle = 'incomplete';
  else void app.arrive(reading.link);

  mount(Page, { target, props: { app } });
}

if (target !== null) {
  const legal = legalAt(location.pathname, location.search);
  if (legal !== null) mount(LegalPage, { target, props: { preferences, ...legal } });
  else if (placeAt(location.pathname) !== null) openDesk(target);
  else openCall(target);
}
