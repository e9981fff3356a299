/** Every range of a report that is not equal, with a description, as an event for printing or logging. */

import type { ExtentList } from '../../region/index.js';
import type { RangeEvent } from '../../report/index.js';
import { causes } from './answers.js';
import { annotate } from './annotate.js';
import type { VerifyReport } from './pair.js';

/** One event for each range, with what lies in it. */
export function* rangeEvents(report: VerifyReport): Generator<RangeEvent> {
  const { map, answers, missing, repair } = report;
  const event = (answer: RangeEvent['answer'], cause: RangeEvent['cause'], repaired = false) =>
    function* (list: ExtentList): Generator<RangeEvent> {
      for (const range of annotate(map, list)) {
        yield { type: 'range', answer, cause, ...range, repaired };
      }
    };
  yield* event('different', null)(answers.different);
  yield* event('different', 'missing')(missing);
  for (const cause of causes) yield* event('not proven', cause)(answers.notProven[cause]);
  // Repaired ranges come last, so that a truncated list shows what is still wrong.
  if (repair !== null) yield* event('different', null, true)(repair.repaired);
}
