/** Characters that no POSIX shell, nor zsh, reads as anything but themselves; a leading `=` zsh would look up. */
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/;

/**
 * `text` as one word of a shell: unchanged when it is safe, otherwise in single quotes. For a path or a stranger's text in a
 * command that people paste.
 */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
