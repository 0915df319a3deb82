import { distance } from 'fastest-levenshtein';

/** The candidates nearest to what was typed, best first; empty when nothing is near. */
export function nearest(word: string, candidates: Iterable<string>, limit = 3): string[] {
  const wanted = word.toLowerCase();
  const most = Math.max(1, Math.min(3, Math.floor(wanted.length / 3) + (wanted.length < 6 ? 1 : 0)));
  return [...new Set(candidates)]
    .map((candidate) => {
      const other = candidate.toLowerCase();
      const prefix = wanted.length >= 3 && other.startsWith(wanted);
      return { candidate, away: prefix ? 0.5 : distance(wanted, other) };
    })
    .filter(({ away }) => away <= most)
    .sort((a, b) => a.away - b.away || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/** ` Did you mean x or y?`, or nothing. Append it to a message. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const near = nearest(word, candidates);
  return near.length === 0 ? '' : ` Did you mean ${near.join(' or ')}?`;
}
