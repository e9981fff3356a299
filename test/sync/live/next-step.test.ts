/** What a replica does next: facts in, step out. */

import test from 'ava';
import { type Facts, nextStep, type Step } from '../../../src/sync/live/next-step.js';

/** A replica between two epochs, with nothing to do. */
const idle: Facts = {
  isStopped: false,
  failure: null,
  backoffMs: 1000,
  target: 'open',
  journal: 'empty',
  content: 'replica',
  tracker: 'same',
  hook: 'none',
  pause: 'over',
  pauseMs: 5000,
  writes: 'none',
};

const cases: readonly (readonly [string, Partial<Facts>, Step | Step['kind']])[] = [
  // A session begins with what the one before it left.
  ['the target is opened first', { target: 'closed', journal: 'unread' }, 'open'],
  ['then it is known what the journal holds', { journal: 'unread' }, 'read journal'],
  ['what is committed is applied before all else', { journal: 'committed' }, 'apply'],
  ['also where a seed was to begin', { journal: 'committed', content: 'nothing' }, 'apply'],
  ['also where the tracker is new', { journal: 'committed', tracker: 'new' }, 'apply'],
  [
    'the command for an epoch is run before the next one',
    { hook: 'due', writes: 'pending' },
    'run hook',
  ],
  // What the target is.
  ['a target that is no replica is seeded', { content: 'nothing' }, 'seed'],
  ['also under a new tracker', { content: 'nothing', tracker: 'new' }, 'seed'],
  ['one that may differ is compared', { content: 'unproven' }, 'compare'],
  ['a replica is compared when writes may have been missed', { tracker: 'new' }, 'compare'],
  ['whatever was written meanwhile', { tracker: 'new', writes: 'pending' }, 'compare'],
  ['also in a pause', { tracker: 'new', pause: 'due' }, 'compare'],
  ['another volume in its place is not written', { target: 'replaced' }, 'refuse target'],
  ['nor seeded', { target: 'replaced', content: 'nothing' }, 'refuse target'],
  // From epoch to epoch.
  ['what was written is staged', { writes: 'pending' }, 'stage'],
  ['an idle source has no epochs', {}, { kind: 'wait', ms: 5000 }],
  [
    'after an epoch there is a pause',
    { writes: 'pending', pause: 'due' },
    { kind: 'wait', ms: 5000 },
  ],
  // Stopping.
  ['a run that is told to stop stops', { isStopped: true }, 'stop'],
  ['it begins nothing', { isStopped: true, writes: 'pending' }, 'stop'],
  ['it does not seed', { isStopped: true, content: 'nothing' }, 'stop'],
  ['nor compare', { isStopped: true, content: 'unproven' }, 'stop'],
  ['it applies what is committed', { isStopped: true, journal: 'committed' }, 'apply'],
  [
    'and what an earlier session committed',
    { isStopped: true, target: 'closed', journal: 'unread' },
    'open',
  ],
  ['which it looks for', { isStopped: true, journal: 'unread' }, 'read journal'],
  ['and runs the command for it', { isStopped: true, hook: 'due' }, 'run hook'],
  // Failures.
  [
    'what fails when it was told to stop is the end',
    { isStopped: true, failure: 'passing' },
    'stop',
  ],
  ['even if that would be fatal', { isStopped: true, failure: 'fatal' }, 'stop'],
  ['what trying again does not mend ends it', { failure: 'fatal' }, 'give up'],
  ['missed writes are no reason to wait', { failure: 'missed writes' }, 'start over'],
  [
    'a failure is answered before the target is opened',
    { failure: 'passing', target: 'closed' },
    { kind: 'back off', ms: 1000 },
  ],
  ['each time for longer', { failure: 'passing', backoffMs: 8000 }, { kind: 'back off', ms: 8000 }],
  [
    'for a minute at the most',
    { failure: 'passing', backoffMs: 64_000 },
    { kind: 'back off', ms: 60_000 },
  ],
  [
    'writers who waited in vain are left alone for a minute',
    { failure: 'vain freeze' },
    { kind: 'back off', ms: 60_000 },
  ],
  [
    'then for longer',
    { failure: 'vain freeze', backoffMs: 120_000 },
    { kind: 'back off', ms: 120_000 },
  ],
  [
    'for an hour at the most',
    { failure: 'vain freeze', backoffMs: 7_680_000 },
    { kind: 'back off', ms: 3_600_000 },
  ],
];

for (const [title, facts, expected] of cases) {
  test(`${title}: ${typeof expected === 'string' ? expected : expected.kind}`, (t) => {
    const step = nextStep({ ...idle, ...facts });
    if (typeof expected === 'string') t.is(step.kind, expected);
    else t.deepEqual(step, expected);
  });
}
