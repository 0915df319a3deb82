// Screens of a terminal as one SVG that shows them one after another; the last alone where motion is not wanted.

const CELL = { width: 8.4, height: 18 };
const PADDING = 14;
const COLOURS = ['#8b949e', '#ff7b72', '#7ee787', '#e3b341', '#79c0ff', '#d2a8ff', '#76e3ea', '#e6edf3'];
const TEXT = '#e6edf3';
const STYLE = new RegExp(`(${String.fromCharCode(27)}\\[[\\d;]*m)`);

/** Text without what sets its colours. */
export const plainText = (text) =>
  text
    .split(STYLE)
    .filter((_, index) => index % 2 === 0)
    .join('');

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** What of a style the codes of one `ESC [ … m` change: bold, dim and the sixteen colours, which are all that pt uses. */
function styled(style, codes) {
  let now = style;
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) now = {};
    else if (code === 1) now = { ...now, bold: true };
    else if (code === 2) now = { ...now, dim: true };
    else if (code === 22) now = { ...now, bold: false, dim: false };
    else if (code === 39) now = { ...now, colour: undefined };
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
      now = { ...now, colour: COLOURS[code % 10] };
  }
  return now;
}

/** A line as the terminal would wrap it, each part with the style that it begins in. */
export function wrapped(line, columns) {
  const out = [''];
  let [style, used] = ['', 0];
  for (const [index, part] of line.trimEnd().split(STYLE).entries()) {
    if (index % 2 === 1) {
      style = part === '\u001b[0m' ? '' : style + part;
      out[out.length - 1] += part;
      continue;
    }
    for (const letter of part) {
      if (used === columns) {
        out.push(style);
        used = 0;
      }
      out[out.length - 1] += letter;
      used += 1;
    }
  }
  return out;
}

/** A line as spans of one style each; spaces are kept. */
function spans(line) {
  let style = {};
  let out = '';
  for (const [index, part] of line.split(STYLE).entries()) {
    if (index % 2 === 1) style = styled(style, part.slice(2, -1));
    else if (part !== '') {
      const fill = style.colour ?? (style.dim ? COLOURS[0] : null);
      const attributes = `${fill ? ` fill="${fill}"` : ''}${style.bold ? ' font-weight="bold"' : ''}`;
      out += attributes === '' ? escaped(part) : `<tspan${attributes}>${escaped(part)}</tspan>`;
    }
  }
  return out;
}

/** @param frames `{ lines, seconds }[]`, lines with their escape sequences. */
export function terminalSvg(frames, { columns, rows }) {
  const width = Math.ceil(columns * CELL.width + 2 * PADDING);
  const height = rows * CELL.height + 2 * PADDING;
  const whole = frames.reduce((sum, { seconds }) => sum + seconds, 0);
  let at = 0;
  const rules = [];
  const groups = frames.map(({ lines, seconds }, index) => {
    const [from, to] = [at / whole, (at + seconds) / whole].map((share) => (share * 100).toFixed(2));
    at += seconds;
    rules.push(`@keyframes f${index}{0%,100%{opacity:0}${from}%{opacity:1}${to}%{opacity:0}}`);
    rules.push(`#f${index}{animation:f${index} ${whole.toFixed(1)}s step-end infinite}`);
    const texts = lines.slice(0, rows).flatMap((line, row) => {
      const y = PADDING + (row + 0.75) * CELL.height;
      return line.trim() === '' ? [] : [`<text x="${PADDING}" y="${y}">${spans(line.trimEnd())}</text>`];
    });
    const last = index === frames.length - 1;
    return `<g id="f${index}"${last ? '' : ' opacity="0"'}>${texts.join('')}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A terminal: a sandbox is started, a model is trained, checked, published and found on the chain">
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;fill:${TEXT}}
@media (prefers-reduced-motion:no-preference){
${rules.join('\n')}
}</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${groups.join('\n')}
</svg>
`;
}
