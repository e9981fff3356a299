/** The verdict of a report claims no more than the runs proved. */

import test from 'ava';
import type { RunRecord } from '../../src/history/index.js';
import { pairText, reportPage } from '../../src/report/index.js';
import { pictureOf, reportOf, runOf } from '../support/runs.js';

interface Case {
  readonly name: string;
  readonly records: readonly RunRecord[];
  readonly headline: string;
  readonly sentence: RegExp;
}

const noDevice = { code: 'VOLUME_NOT_FOUND', message: '/dev/vg1/mail does not exist' };
const failed = { outcome: 'failed', error: noDevice, oldestProof: null } as const;

const cases: readonly Case[] = [
  {
    name: 'no run',
    records: [],
    headline: 'Never verified',
    sentence: /nothing is known/,
  },
  {
    name: 'equal in one run',
    records: [runOf(0)],
    headline: 'Equal',
    sentence: /^On 2026-01-01 02:00 UTC, 512 MiB of \S+mail and \S+mail were .* found equal\.$/,
  },
  {
    name: 'equal, proven over several nights',
    records: [runOf(9, { oldestProof: runOf(1).startedAt })],
    headline: 'Equal',
    sentence: /found equal; the oldest proof of any part is 8 days old\.$/,
  },
  {
    name: 'equal as far as it came',
    records: [runOf(0, { oldestProof: null })],
    headline: 'Equal so far',
    sentence: /a part of the volume has not been compared yet\.$/,
  },
  {
    name: 'equal after a repair',
    records: [runOf(0, { repairedBytes: 8192 })],
    headline: 'Equal',
    sentence: /found equal, after 8 KiB were repaired\.$/,
  },
  {
    name: 'different, and some of it not to be judged',
    records: [
      runOf(0, {
        outcome: 'different',
        differentBytes: 4096,
        differentRanges: 1,
        notProvenBytes: 1024,
        notProvenRanges: 1234,
      }),
    ],
    headline: 'Different',
    sentence:
      /, 4 KiB in one range of \S+ did not hold what \S+ holds; 1 KiB in 1,234 ranges could not be proven equal or different\.$/,
  },
  {
    name: 'not proven',
    records: [runOf(0, { outcome: 'not proven', notProvenBytes: 4096, notProvenRanges: 2 })],
    headline: 'Not proven',
    sentence:
      /no difference was found, but 4 KiB in 2 ranges could not be proven equal or different\.$/,
  },
  {
    name: 'failed after an answer',
    records: [runOf(0), runOf(1, failed), runOf(2, failed)],
    headline: 'Failed',
    sentence:
      /2026-01-03.* failed \(\/dev\/vg1\/mail does not exist\); the last outcome is from 2026-01-01 02:00 UTC: equal\.$/,
  },
  {
    name: 'interrupted before any answer',
    records: [runOf(0, { outcome: 'interrupted' })],
    headline: 'Interrupted',
    sentence: /stopped before its end; no run has finished yet\.$/,
  },
];

for (const { name, records, headline, sentence } of cases) {
  test(`${name}: ${headline}`, (t) => {
    const report = reportOf(records);
    const [first, second = ''] = pairText(report).split('\n');
    t.is(first, `mail: ${headline}`);
    t.regex(second, sentence);
    t.true(reportPage(report).includes(`<title>mail: ${headline}</title>`));
  });
}

test('a terminal is not steered by names', (t) => {
  const label = '\u001b]0;owned\u0007\u202egnp.\u009b31m';
  const filesystem = { type: 'ext4', uuid: label, label };
  const error = { code: 'X', message: label };
  const different = [{ start: 0, length: 512, what: label }];
  const text = pairText(
    reportOf([runOf(0, { filesystem, error, source: label, outcome: 'failed' })], {
      pair: label,
      source: label,
      target: label,
      picture: pictureOf({ different }),
    }),
  );
  t.notRegex(text.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u);
  t.true(text.includes('\\u{1b}]0;owned\\u{7}\\u{202e}gnp.\\u{9b}31m'));
});
