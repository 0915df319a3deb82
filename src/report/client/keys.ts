import { nearest } from './scale.ts';
import type { View } from './view.ts';

/** What a key does to a chart; `places`: where the cursor may stand. False: it means nothing here. */
export function pressed({ key, shiftKey }: KeyboardEvent, view: View, places: number[]): boolean {
  const at = nearest(places, view.cursor ?? view.shown[1]);
  const inView = places.filter((place) => place >= view.shown[0] && place <= view.shown[1]).length;
  const page = Math.max(1, Math.round(inView / 10));
  const go = (index: number) => view.point(places[Math.min(Math.max(index, 0), places.length - 1)] ?? null);
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      if (shiftKey) view.pan(-0.25);
      else go(at - 1);
      return true;
    case 'ArrowRight':
    case 'ArrowUp':
      if (shiftKey) view.pan(0.25);
      else go(at + 1);
      return true;
    case 'PageDown':
      go(at - page);
      return true;
    case 'PageUp':
      go(at + page);
      return true;
    case 'Home':
      go(0);
      return true;
    case 'End':
      go(places.length - 1);
      return true;
    case '+':
    case '=':
      view.zoom(0.5);
      return true;
    case '-':
    case '_':
      view.zoom(2);
      return true;
    case '0':
    case 'Escape':
      view.all();
      return true;
    default:
      return false;
  }
}
