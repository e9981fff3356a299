/** fastverify with manifests: write one, verify a volume against one, compare two. */

import { exitCodes } from '../../errors.js';
import { type ExtentList, eachExtent, totalBytes } from '../../region/index.js';
import { formatBytes, formatDuration, formatRate } from '../../report/index.js';
import {
  compareManifests,
  type MadeManifest,
  makeManifest,
  type MakeRequest,
  type ManifestComparison,
} from '../../sync/manifest/index.js';
import type { Context, Outcome } from '../run.js';

export { checkManifest } from '../../sync/manifest/index.js';

type Fact = readonly [label: string, value: string];

/** Writes a manifest. What could not be read is listed, and makes the run incomplete. */
export async function writeManifestCommand(
  request: MakeRequest,
  context: Context,
): Promise<Outcome> {
  const made = await makeManifest(request, context);
  const { unreadableRanges } = made.summary;
  const isComplete = unreadableRanges.length === 0 && made.doubt === null;
  return {
    outcome: isComplete ? 'done' : 'incomplete',
    exitCode: isComplete ? exitCodes.done : exitCodes.incomplete,
    facts: factsOf(made),
    figures: figuresOf(made),
  };
}

function factsOf({ summary, doubt, seconds }: MadeManifest): Fact[] {
  const { file, fileBytes, coveredBytes, coveredCells, cellBytes, unprovenBytes, crossCheck } =
    summary;
  const rate = seconds > 0 ? `, ${formatRate(coveredBytes / seconds)}` : '';
  const facts: Fact[] = [
    ['manifest', `${file} (${formatBytes(fileBytes)})`],
    [
      'covers',
      `${formatBytes(coveredBytes)} in ${coveredCells} cells of ${formatBytes(cellBytes)}`,
    ],
    ['read', `in ${formatDuration(seconds)}${rate}`],
    ['root', `${summary.algorithm} ${summary.root}`],
  ];
  if (unprovenBytes > 0) {
    facts.push(['not proven', `${formatBytes(unprovenBytes)}: cells with unreadable ranges`]);
  }
  if (crossCheck !== null && crossCheck.state !== 'done') {
    facts.push([
      'cross-check',
      `${crossCheck.state}: free space was not checked against all owners`,
    ]);
  }
  if (doubt !== null) facts.push(['in doubt', doubt]);
  return facts;
}

function figuresOf({ summary, doubt }: MadeManifest) {
  const { unreadableRanges, progress, ...figures } = summary;
  return {
    ...figures,
    unreadableBytes: totalBytes(unreadableRanges),
    unreadableRanges: unreadableRanges.length / 2,
    readBytes: progress.readBytes,
    doubts: doubt === null ? [] : [doubt],
  };
}

/** Compares two manifests. What only one covers, or covers otherwise, is not proven. */
export async function compareManifestsCommand(
  manifest: string,
  against: string,
  { reporter }: Context,
): Promise<Outcome> {
  const comparison = await compareManifests(manifest, against);
  const kinds = [
    ['different', null, comparison.differentRanges, 'in both, but different'],
    ['not proven', 'no digest', comparison.notProvenRanges, 'in both, without digests to compare'],
    ['not proven', 'not covered', comparison.onlyInA, `only in ${manifest}`],
    ['not proven', 'not covered', comparison.onlyInB, `only in ${against}`],
  ] as const;
  for (const [answer, cause, list, what] of kinds) {
    for (const range of eachExtent(list)) {
      reporter.report({ type: 'range', answer, cause, ...range, what, repaired: false });
    }
  }
  const isDifferent = comparison.differentRanges.length > 0;
  const isProven = kinds.every(([, , list]) => list.length === 0);
  const verdict = isDifferent ? 'different' : isProven ? 'equal' : 'not proven';
  const endings = {
    equal: ['done', exitCodes.done],
    different: ['different', exitCodes.different],
    'not proven': ['incomplete', exitCodes.incomplete],
  } as const;
  const [outcome, exitCode] = endings[verdict];
  return {
    outcome,
    exitCode,
    facts: [
      [verdict, `${manifest} and ${against}`],
      ...kinds
        .filter(([, , list]) => list.length > 0)
        .map(([answer, , list, what]): Fact => [answer, `${countOf(list)}: ${what}`]),
      ['read', `${comparison.nodesRead} blocks of both`],
    ],
    figures: { verdict, ...comparisonFigures(comparison) },
  };
}

function comparisonFigures({ a, b, ...found }: ManifestComparison) {
  return {
    roots: [a.root, b.root],
    differentBytes: totalBytes(found.differentRanges),
    notProvenBytes: totalBytes(found.notProvenRanges),
    onlyInFirstBytes: totalBytes(found.onlyInA),
    onlyInSecondBytes: totalBytes(found.onlyInB),
    blocksRead: found.nodesRead,
  };
}

function countOf(list: ExtentList): string {
  const count = list.length / 2;
  return `${formatBytes(totalBytes(list))} in ${count === 1 ? 'one range' : `${count} ranges`}`;
}
