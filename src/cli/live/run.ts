/** What `fastsync live` does. */

import {
  liveDirectory,
  type Hooks,
  live,
  type LiveOptions,
  type LiveResult,
  prepareLive,
  recover,
  type ReplicaRecord,
  runHook,
  stateDirectory,
} from '../../sync/index.js';
import { resolveRefusals } from '../confirm.js';
import { refuseRemote } from '../remote.js';
import type { LiveArguments } from './options.js';
import { describeLive, describeRecovered, statusLineOf } from './summary.js';
import { type Context, type Outcome, runCommand } from '../run.js';
import { service } from '../service.js';
import { hooksFrom, identification, ioOptionsFrom, overridesFrom } from '../shared-arguments.js';
import { parseDuration, parseFreeze } from '../values.js';

export function runLive(args: LiveArguments): Promise<void> {
  return runCommand('live', args, (context) => run(args, context));
}

async function run(args: LiveArguments, context: Context): Promise<Outcome> {
  const state = stateDirectory(args['state-dir']);
  // Without --recover there is one: command.ts has seen to it.
  const { src = '' } = args;
  if (args.recover) {
    return describeRecovered(await recoverAll(args.dst, state));
  }
  const journalDirectory = args.journal ?? liveDirectory(state);
  const overrides = overridesFrom(args);
  const options: LiveOptions = {
    intervalMs: parseDuration('interval', args.interval),
    maxFreezeMs: parseFreeze(args['max-freeze']),
    stateDirectory: state,
    journalDirectory,
    map: await identification(args),
    hooks: { ...hooksFrom(args), afterEpoch: args['after-epoch'] ?? null },
    ioOptions: ioOptionsFrom(args),
    exclusive: !overrides.has('allow-busy-target') && !overrides.has('allow-mounted-target'),
  };
  refuseRemote('live', [src, ...args.dst]);
  await using prepared = await prepareLive({
    source: src,
    targets: args.dst,
    stateDirectory: state,
    journalDirectory,
    overrides,
    ...context,
  });
  await resolveRefusals(prepared.refusals);
  const manager = service();
  context.signal.addEventListener('abort', () => {
    manager.stopping();
  });
  const results = await live(prepared, options, {
    ...context,
    onLook: (targets) => {
      manager.status(statusLineOf(targets));
      // A service is up when what it is for is true: every target is a replica.
      if (targets.every(isReplicaRecord)) manager.ready();
    },
    ...(options.hooks.afterEpoch === null ? {} : { onEpoch: afterEpoch(options.hooks, context) }),
  });
  return describeLive(src, results);
}

const isReplicaRecord = ({ consistentAt, error }: LiveResult) =>
  consistentAt !== null || error !== null;

async function recoverAll(targets: readonly string[], state: string) {
  const recovered = [];
  for (const target of targets) recovered.push(await recover(target, state));
  return recovered;
}

/**
 * What the command needs to know is in its environment. Its failure is told, and stops nothing; whoever
 * stops the run gives it a moment to end.
 */
function afterEpoch(hooks: Hooks, { reporter, signal }: Context) {
  return async ({ source, target, epoch, consistentAt }: ReplicaRecord): Promise<void> => {
    const environment = {
      FASTSYNC_SOURCE: source.path,
      FASTSYNC_TARGET: target.path,
      FASTSYNC_EPOCH: String(epoch),
      FASTSYNC_CONSISTENT_AT: new Date(consistentAt ?? 0).toISOString(),
    };
    await runHook('after-epoch', hooks, environment, signal).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      reporter.report({ type: 'note', severity: 'warning', code: 'AFTER_EPOCH_FAILED', message });
    });
  };
}
