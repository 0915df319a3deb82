/** Text as a part of a file's name: what no file system minds, and at most so many characters. */
export const fileWord = (text: string, most = 80): string =>
  text.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, most);
