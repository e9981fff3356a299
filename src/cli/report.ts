/** `fastsync report PAIR`: what is known of a pair, as text or as one self-contained page. */

import { realpath, stat } from 'node:fs/promises';
import type { Argv, InferredOptionTypes, Options } from 'yargs';
import { defaultConfigPath, loadConfig } from '../config/index.js';
import { exitCodes } from '../errors.js';
import { readHistory, readPicture } from '../history/index.js';
import { replaceFile } from '../replace-file.js';
import { pageBeginning, type PairReport, pairText, reportPage } from '../report/index.js';
import { stateDirectory } from '../sync/index.js';
import { withVolumeErrors } from '../volume/index.js';
import { pairNamed } from './pair-named.js';
import { checkOverwritable, print } from './print.js';
import { runCommand } from './run.js';
import { usage } from './values.js';

const reportOptions = {
  html: {
    type: 'string',
    nargs: 1,
    describe: 'Write one self-contained HTML page to this file; - writes it to stdout',
  },
  config: {
    type: 'string',
    default: defaultConfigPath,
    describe: 'The configuration that names the pair',
  },
} as const satisfies Record<string, Options>;

/** Adds the command to the command line. */
export function addReportCommand(yargs: Argv): Argv {
  return yargs.command(
    'report <pair>',
    'Show what is known of a pair: the verdict, a picture of the volume, its history',
    (command) =>
      command
        .positional('pair', {
          type: 'string',
          demandOption: true,
          describe: 'Its name in the configuration',
        })
        .options(reportOptions)
        .example('$0 report mail', 'As text, for a terminal')
        .example('$0 report mail --html /var/www/html/mail.html', 'As a page that needs no server'),
    async (args) => {
      // The report itself is the output: a summary would stand in its way.
      await runCommand('report', { json: false, quiet: true }, async () => {
        await writeReport(await gather(args.config, args.pair), args);
        return { outcome: 'done', exitCode: exitCodes.done, facts: [], figures: {} };
      });
    },
  );
}

async function gather(configPath: string, name: string): Promise<PairReport> {
  const config = await loadConfig(configPath);
  const { src, dst } = pairNamed(config, name);
  const directory = stateDirectory(config.stateDir ?? undefined);
  const [records, picture] = await Promise.all([
    readHistory(directory, name),
    readPicture(directory, name),
  ]);
  const madeAt = new Date().toISOString();
  return { pair: name, source: src, target: dst, records, picture, madeAt };
}

async function writeReport(
  report: PairReport,
  { html }: InferredOptionTypes<typeof reportOptions>,
): Promise<void> {
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
