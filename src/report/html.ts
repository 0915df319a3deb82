import { presentable } from '../text/harmless.ts';

/** HTML that may be put into a page as it is. Only `html` and the picture builders of this room make it. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | null | undefined | false | Part[];

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text of anyone's (names, settings, messages, repositories) as HTML text or attribute value: markup is escaped, characters that are
 * invisible or turn the direction of text are shown as codes, secrets are masked.
 */
export const escapeHtml = (text: string): string =>
  presentable(text, { lines: true }).replace(/[&<>"']/g, (char) => ENTITIES[char]!);

/** A template whose values are escaped unless they are `Html` themselves; null, undefined and false are nothing, lists are joined. */
export function html(strings: TemplateStringsArray, ...values: Part[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(part)));
}

function part(value: Part): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(part).join('');
  return escapeHtml(String(value));
}

/** JSON for a data block in a page: valid JSON in which nothing can end the block or start a comment. */
export function jsonForHtml(value: unknown): Html {
  const escaped = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Html(escaped);
}
