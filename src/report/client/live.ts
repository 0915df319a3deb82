import type { LiveChange } from '../types.ts';

/** After so many failed tries in a row, `pt` is gone. */
const TRIES = 20;

/** Follows the server that this page came from, until it says that it ends. */
export function follow(status: HTMLElement, take: (change: LiveChange) => void): void {
  const source = new EventSource('events');
  const live = status.textContent!;
  let failed = 0;
  const tell = (text: string, state: string) => {
    status.textContent = text;
    status.dataset.state = state;
  };
  source.addEventListener('open', () => {
    failed = 0;
    tell(live, 'live');
  });
  source.addEventListener('change', (event) => take(JSON.parse((event as MessageEvent<string>).data)));
  source.addEventListener('end', (event) => {
    source.close();
    tell(JSON.parse((event as MessageEvent<string>).data).farewell, 'ended');
  });
  source.addEventListener('error', () => {
    failed += 1;
    if (failed < TRIES) return tell('The connection to pt is lost; trying again …', 'lost');
    source.close();
    tell('pt has gone. `pt report` shows what the run has come to.', 'ended');
  });
}

/** Puts new HTML (made and escaped by pt) in the place of a section, unless somebody is in it right now. */
export function replaceSection(id: string, html: string): void {
  const old = document.getElementById(id);
  if (!old || (old.contains(document.activeElement) && document.activeElement !== document.body)) return;
  const template = document.createElement('template');
  template.innerHTML = html;
  const fresh = template.content.firstElementChild;
  if (!fresh) return;
  const open = [old, ...old.querySelectorAll('details')].map((part) => part.hasAttribute('open'));
  [fresh, ...fresh.querySelectorAll('details')].forEach((part, i) => {
    if (open[i]) part.setAttribute('open', '');
  });
  old.replaceWith(fresh);
}
