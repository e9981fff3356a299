/** What `fastsync report` does. */

import { realpath, stat } from 'node:fs/promises';
import { exitCodes } from '../../errors.js';
import { readHistory, readPicture } from '../../history/index.js';
import { replaceFile } from '../../replace-file.js';
import { pageBeginning, type PairReport, pairText, reportPage } from '../../report/index.js';
import { stateDirectory } from '../../sync/state-file.js';
import { withVolumeErrors } from '../../volume/index.js';
import { configuration } from '../configuration.js';
import { pairNamed } from '../pair-named.js';
import { checkOverwritable, print } from '../print.js';
import type { ReportArguments } from './options.js';
import { runCommand } from '../run.js';
import { usage } from '../values.js';

export function runReport(args: ReportArguments): Promise<void> {
  // The report itself is the output: a summary would stand in its way.
  return runCommand('report', { json: false, quiet: true }, async () => {
    await writeReport(await gather(args.config, args.pair), args);
    return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
  });
}

async function gather(configPath: string, name: string): Promise<PairReport> {
  const config = await configuration(configPath);
  const { src, dst } = pairNamed(config, name);
  const directory = stateDirectory(config.stateDir ?? undefined);
  const [records, picture] = await Promise.all([
    readHistory(directory, name),
    readPicture(directory, name),
  ]);
  const madeAt = new Date().toISOString();
  return { pair: name, source: src, target: dst, records, picture, madeAt };
}

async function writeReport(report: PairReport, { html }: ReportArguments): Promise<void> {
  if (html === undefined || html === '-') {
    const text = html === undefined ? pairText(report) : reportPage(report);
    await print(process.stdout, [text]);
    return;
  }
  await checkOverwritable(html, pageBeginning);
  await withVolumeErrors(html, async () => {
    // A link stays a link: what it points to is replaced.
    const file = await realpath(html).catch(() => html);
    const found = await stat(file).catch(() => null);
    if (found !== null && !found.isFile()) throw usage(`${html} is not a file`);
    await replaceFile(file, reportPage(report), found === null ? 0o644 : found.mode & 0o777);
  });
}
