/** The Prometheus textfile, read by the parser of the Prometheus project. */

import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { writeMetrics } from '../../src/check/metrics.js';
import { appendRun } from '../../src/history/index.js';
import { prometheusSamples } from '../support/prometheus.js';
import { runOf } from '../support/runs.js';
import { scratchDirectory } from '../support/scratch.js';

test('what the last runs found, by pair', async (t) => {
  const directory = await scratchDirectory(t);
  const file = path.join(directory, 'x.prom');
  await appendRun(directory, runOf(0), null);
  const different = { outcome: 'different', exitCode: 1 } as const;
  const changes = { ...different, differentBytes: 4096, differentRanges: 2, seconds: 12.5 };
  await appendRun(directory, runOf(1, changes), null);
  const failed = { outcome: 'failed', exitCode: 2, oldestProof: null, comparedBytes: 0 } as const;
  await appendRun(directory, runOf(0, { pair: 'gone', ...failed }), null);
  await writeMetrics(file, ['mail', 'gone', 'never'], directory);
  const samples = await prometheusSamples(file);
  const valueOf = (name: string, pair: string) =>
    samples.find((one) => one.name === `fastverify_${name}` && one.labels.pair === pair)?.value;
  const seconds = (night: number) => Date.parse(runOf(night).startedAt) / 1000;
  t.is(valueOf('last_run_timestamp_seconds', 'mail'), seconds(1) + 12.5);
  t.is(valueOf('last_success_timestamp_seconds', 'mail'), seconds(0) + 60);
  t.is(valueOf('duration_seconds', 'mail'), 12.5);
  t.is(valueOf('exit_code', 'mail'), 1);
  t.is(valueOf('different_bytes', 'mail'), 4096);
  t.is(valueOf('different_ranges', 'mail'), 2);
  t.is(valueOf('compared_bytes', 'mail'), 2 ** 29);
  t.is(valueOf('oldest_proof_timestamp_seconds', 'mail'), seconds(1));
  t.is(valueOf('exit_code', 'gone'), 2);
  t.is(valueOf('last_success_timestamp_seconds', 'gone'), 0);
  t.is(valueOf('oldest_proof_timestamp_seconds', 'gone'), undefined);
  // An alert on its age must see also what was never checked.
  t.deepEqual(
    samples.filter(({ labels }) => labels.pair === 'never').map(({ name, value }) => [name, value]),
    [['fastverify_last_success_timestamp_seconds', 0]],
  );
});

test('whatever a path holds comes back from the parser; the file is for all to read', async (t) => {
  const directory = await scratchDirectory(t);
  const source = String.raw`/dev/"q" back\slash \n {x="y"} ünï ` + '\n#';
  await appendRun(directory, runOf(0, { source }), null);
  const file = path.join(directory, 'x.prom');
  const before = process.umask(0o077);
  await writeMetrics(file, ['mail'], directory).finally(() => process.umask(before));
  const info = (await prometheusSamples(file)).find(({ name }) => name.endsWith('_info'));
  t.is(info?.labels.source, source);
  t.is((await stat(file)).mode & 0o777, 0o644);
});

test('a pair that left the configuration leaves the file; nothing else is left behind', async (t) => {
  const directory = await scratchDirectory(t);
  await appendRun(directory, runOf(0), null);
  await appendRun(directory, runOf(0, { pair: 'web' }), null);
  const file = path.join(directory, 'x.prom');
  await writeMetrics(file, ['mail', 'web'], directory);
  await writeMetrics(file, ['web'], directory);
  const pairs = new Set((await prometheusSamples(file)).map(({ labels }) => labels.pair));
  t.deepEqual([...pairs], ['web']);
  await writeMetrics(file, [], directory);
  t.deepEqual(await prometheusSamples(file), []);
  t.deepEqual((await readdir(directory)).sort(), ['history', 'x.prom']);
  await t.throwsAsync(writeMetrics(path.join(directory, 'none/x.prom'), [], directory));
});
