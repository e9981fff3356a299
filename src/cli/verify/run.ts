/** What fastverify does. */

import {
  type OnlineVerifyOptions,
  stateDirectory,
  verifyOnline,
  verifyPair,
  type VerifyReport,
} from '../../sync/index.js';
import { resolveRefusals } from '../confirm.js';
import { loaded } from '../loaded.js';
import { cellBytesFrom, manifestTask } from './manifest-task.js';
import { remoteFrom } from '../remote.js';
import { checkOverwritable, writePieces } from '../print.js';
import { type Context, type Outcome, runCommand, withFile } from '../run.js';
import { identification, ioOptionsFrom, overridesFrom } from '../shared-arguments.js';
import { parseDuration, parseFreeze, parseSize, usage } from '../values.js';
import type { VerifyArguments } from './options.js';
import { resultMap } from './result-map.js';
import { describeVerification } from './summary.js';

export async function runVerify(args: VerifyArguments): Promise<void> {
  if (asksForPairs(args)) {
    const { runPairs } = await loaded(() => import('./pairs.js'));
    return runPairs(args);
  }
  return runCommand('verify', args, (context) => context.stalls.bound(verify(args, context)));
}

/** Whether the words are about the pairs of a configuration. */
function asksForPairs({ config, all, pairs = [] }: VerifyArguments): boolean {
  return config !== undefined || all || pairs.length > 0;
}

/** Most runs need nothing of what these load. */
const manifests = () => loaded(() => import('./manifest.js'));

async function verify(args: VerifyArguments, context: Context): Promise<Outcome> {
  const mapFile = args['ddrescue-map'];
  // Looked at also where they are not used: a slip of the pen must not wait for the day they are.
  const lagToleranceMs = parseDuration('lag-tolerance', args['lag-tolerance']);
  const maxFreezeMs = parseFreeze(args['max-freeze']);
  const ioOptions = ioOptionsFrom(args);
  const remote = remoteFrom(args, args);
  // Across hosts digests are what is compared: there it has another use.
  const task = manifestTask(remote === undefined ? args : { ...args, algorithm: undefined });
  if (task?.kind === 'compare') {
    return (await manifests()).compareManifestsCommand(task.manifest, task.against, context);
  }
  const scope = {
    map: await identification(args),
    logDevice: args['log-device'],
    free: args.free,
    startBytes: args.start === undefined ? 0 : parseSize('start', args.start),
    stopBytes: args.stop === undefined ? null : parseSize('stop', args.stop),
    repair: args.repair,
    overrides: overridesFrom(args),
    signal: context.signal,
  };
  if (task?.kind === 'write') {
    const { volume, file } = task;
    const kind = {
      algorithm: args.algorithm ?? 'xxh3-128',
      cellBytes: cellBytesFrom(args),
    } as const;
    const request = { ...scope, ...kind, volume, file, ioOptions };
    return (await manifests()).writeManifestCommand(request, context);
  }
  const options = {
    ioOptions,
    resume: args.resume,
    maxMs: args['max-time'] === undefined ? null : parseDuration('max-time', args['max-time']),
    stateDirectory: stateDirectory(args['state-dir']),
    resolveRefusals,
  };
  if (mapFile !== undefined) await checkOverwritable(mapFile, '# Mapfile.');
  const pairs = (): Promise<VerifyReport> => {
    const request = { ...scope, ...pairOf(args), remote };
    return args.online
      ? verifyOnline(request, options, onlineFrom(args, { lagToleranceMs, maxFreezeMs }), context)
      : verifyPair(request, options, context);
  };
  const report =
    task === null
      ? await pairs()
      : await (
          await manifests()
        ).checkManifest(
          {
            ...scope,
            ...task,
            engine: args.engine ?? 'native',
            root: args.root,
            lagToleranceMs: args.online ? lagToleranceMs : null,
          },
          options,
          context,
        );
  const outcome = describeVerification(report, context.reporter);
  if (mapFile === undefined) return outcome;
  return withFile(outcome, context.reporter, () => writePieces(mapFile, resultMap(report)));
}

/** The options of volumes in use. Throws a usage error where they contradict others. */
function onlineFrom(
  args: VerifyArguments,
  times: Pick<OnlineVerifyOptions, 'lagToleranceMs' | 'maxFreezeMs'>,
): OnlineVerifyOptions {
  if (args.repair) {
    throw usage(
      '--repair cannot be combined with --online; use "fastsync init --online --compare"',
    );
  }
  return { ...times, mustNotFreeze: [stateDirectory(args['state-dir'])] };
}

function pairOf({ src, dst }: VerifyArguments): { source: string; target: string } {
  if (src !== undefined && dst !== undefined) return { source: src, target: dst };
  if (src !== undefined) throw usage('name the replica with --dst');
  throw usage('name the volume with --src, or pairs of the configuration, or --all');
}
