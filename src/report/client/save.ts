import { fileWord } from '../../text/file-name.ts';
import type { ChartSpec, PageRun } from '../types.ts';
import { csvOf } from './csv.ts';
import { element, svg } from './dom.ts';
import type { Line } from './lines.ts';
import { swatch } from './marks.ts';

/** A chart as a file of its own: a picture with its title and legend, or its values. */

/** What a style sheet says and the saved picture must say itself. */
const STYLES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'stroke-opacity',
  'opacity',
  'paint-order',
  'font-size',
  'font-weight',
];
/** Pixels of a letter, about; legends are broken into lines by it. */
const LETTER = 7;
/** Of a PNG, for screens and print. */
const SCALE = 2;

export interface Saved {
  spec: ChartSpec;
  figure: HTMLElement;
  /** The picture as it is shown. */
  picture: SVGElement;
  lines: Line[];
  runs: PageRun[];
}

export async function saveAs(kind: 'svg' | 'png' | 'csv', saved: Saved): Promise<void> {
  const { spec, runs } = saved;
  const whose = runs.length === 1 ? runs[0]!.name : `${runs.length}-runs`;
  const name = fileWord(`${whose}-${spec.id}.${kind}`, 255);
  if (kind === 'csv')
    return download(name, new Blob([csvOf(spec, runs)], { type: 'text/csv;charset=utf-8' }));
  const picture = pictureOf(saved);
  const text = new XMLSerializer().serializeToString(picture);
  if (kind === 'svg') return download(name, new Blob([text], { type: 'image/svg+xml' }));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = element('canvas', {
    width: Number(picture.getAttribute('width')) * SCALE,
    height: Number(picture.getAttribute('height')) * SCALE,
  }) as HTMLCanvasElement;
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
  if (blob !== null) download(name, blob);
}

function download(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  element('a', { href: url, download: name }).click();
  // After the browser has begun with it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The chart with title and legend, complete in itself. */
function pictureOf({ spec, figure, picture, lines }: Saved): SVGElement {
  const { color, backgroundColor } = getComputedStyle(figure);
  const width = Number(picture.getAttribute('width'));
  const head = svg('g', { fill: color, 'font-size': 13 });
  head.append(
    svg('text', { x: 14, y: 24, 'font-size': 15, 'font-weight': 600 }, `${spec.title}, ${spec.unit}`),
  );
  let [x, y] = [14, 46];
  // In the page while it is copied: only there does it have its colours.
  const place = svg('svg');
  figure.append(place);
  for (const { look, name } of lines) {
    const wide = 46 + name.length * LETTER;
    if (x > 14 && x + wide > width) [x, y] = [14, y + 20];
    const entry = svg('g', { transform: `translate(${x} ${y})` });
    const drawn = swatch(look);
    place.replaceChildren(drawn);
    const piece = styled(drawn);
    piece.setAttribute('y', '-10');
    entry.append(piece, svg('text', { x: 36 }, name));
    head.append(entry);
    x += wide;
  }
  place.remove();
  const top = y + 8;
  const height = top + Number(picture.getAttribute('height'));
  const chart = styled(picture);
  chart.setAttribute('y', String(top));
  const root = svg('svg', {
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    'font-family': 'system-ui, sans-serif',
  });
  root.append(svg('rect', { width, height, fill: backgroundColor }), head, chart);
  return root;
}

/** A copy in which every element has what the style sheet gives it, as attributes. */
function styled(from: SVGElement): SVGElement {
  const copy = from.cloneNode(true) as SVGElement;
  const [originals, copies] = [from, copy].map((root) => [root, ...root.querySelectorAll<SVGElement>('*')]);
  originals!.forEach((original, i) => {
    const style = getComputedStyle(original);
    for (const name of STYLES) copies![i]!.setAttribute(name, style.getPropertyValue(name));
  });
  copy.querySelectorAll('.cursor, .selection').forEach((part) => {
    part.remove();
  });
  return copy;
}
