import { svg } from './dom.ts';
import type { Look, Mark } from './looks.ts';

/** A mark around a point. */
export function markAt(mark: Mark | null, x: number, y: number, size: number): SVGElement {
  const path = (d: string) => svg('path', { class: 'dot', d });
  const [l, r, t, b] = [x - size, x + size, y - size, y + size].map((value) => value.toFixed(1));
  switch (mark) {
    case null:
    case 'circle':
      return svg('circle', { class: 'dot', cx: x.toFixed(1), cy: y.toFixed(1), r: size });
    case 'square':
      return path(`M${l} ${t}H${r}V${b}H${l}Z`);
    case 'triangle':
      return path(`M${l} ${b}L${x.toFixed(1)} ${t}L${r} ${b}Z`);
    case 'diamond':
      return path(`M${l} ${y.toFixed(1)}L${x.toFixed(1)} ${t}L${r} ${y.toFixed(1)}L${x.toFixed(1)} ${b}Z`);
  }
}

/** A piece of the line, for legends. */
export function swatch({ colour, dash, mark }: Look): SVGElement {
  const picture = svg('svg', {
    class: `swatch curve ${colour}`,
    width: 30,
    height: 12,
    viewBox: '0 0 30 12',
    'aria-hidden': 'true',
  });
  picture.append(svg('path', { class: 'line', d: 'M1 6H29', 'stroke-dasharray': dash }));
  if (mark !== null) picture.append(markAt(mark, 15, 6, 3.5));
  return picture;
}
