import { readFileSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { knowAddress, Secret } from '../secret.ts';

/** Where notices go, and the form that they have there. */
export interface Target {
  /** A webhook's address is all that it takes to write there: it is shown nowhere. */
  url: Secret;
  /** JSON with `{{field}}` in its strings; null: the notice as it is. */
  template: unknown;
}

const CHATS: Record<string, unknown> = {
  slack: { text: '{{text}}' },
  discord: { content: '{{text}}' },
};
const FORMS = 'an address (https://…), slack:ADDRESS, discord:ADDRESS, or TEMPLATE.json:ADDRESS';

/**
 * Reads `--notify`: an address, or a form and an address.
 *
 * @throws UserError `notify.target` when it is none, `notify.template` when the template cannot be read, `offline.refused`
 */
export function parseTarget(text: string, offline: boolean): Target {
  const [, form, address = ''] = /^(?:(.+?):)?(https?:\/\/.+)$/s.exec(text.trim()) ?? [];
  const url = URL.parse(address);
  if (url === null)
    throw new UserError('notify.target', `--notify: must be ${FORMS}.`, {
      nextSteps: ['export PT_NOTIFY=slack:https://hooks.slack.com/services/…', 'pt config show'],
    });
  knowAddress(address);
  if (offline && !isLoopback(url))
    throw new UserError('offline.refused', '--offline: the address of --notify is not on this machine.', {
      nextSteps: ['Leave out --offline, or --notify (PT_NOTIFY).'],
    });
  return { url: new Secret(address), template: form === undefined ? null : templateOf(form) };
}

function templateOf(form: string): unknown {
  if (Object.hasOwn(CHATS, form)) return CHATS[form];
  try {
    return JSON.parse(readFileSync(form, 'utf8'));
  } catch (error) {
    throw new UserError(
      'notify.template',
      `--notify: ${form} is neither slack nor discord, nor a template that can be read: ${(error as Error).message}`,
      { nextSteps: [`echo '{"text": "{{text}}"}' > notify.json   # then notify.json:ADDRESS`], cause: error },
    );
  }
}

/** The template with each `{{field}}` in its strings replaced; a field that the notice has not is nothing. */
export function filled(template: unknown, fields: Readonly<Record<string, unknown>>): unknown {
  if (typeof template === 'string')
    return template.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => String(fields[name] ?? ''));
  if (Array.isArray(template)) return template.map((each) => filled(each, fields));
  if (template === null || typeof template !== 'object') return template;
  return Object.fromEntries(Object.entries(template).map(([key, each]) => [key, filled(each, fields)]));
}
