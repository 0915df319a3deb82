import type { Evaluation } from '../evaluation/index.ts';
import type { Place } from '../place.ts';

/**
 * Keeps a forecast for the reports of the runs it is about, and gives their folders. It was worth its seconds even when it cannot be
 * kept: that is only a warning.
 */
export async function keepForecastOf(
  evaluation: Evaluation,
  place: Place,
  warn: (text: string) => void,
): Promise<string[]> {
  try {
    const { keepForecast } = await import('../report/index.ts');
    return await keepForecast(evaluation, place);
  } catch (error) {
    warn(`The forecast was not kept for the report: ${(error as Error).message}`);
    return [];
  }
}
