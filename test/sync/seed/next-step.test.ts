import test from 'ava';
import { emptyExtents, extentOf } from '../../../src/region/index.js';
import { nextStep, type SeedFacts, type Step } from '../../../src/sync/seed/next-step.js';
import type { ConsistencyPoint } from '../../../src/sync/seed/seed-run.js';

const reached: ConsistencyPoint = { kind: 'reached', headerFrom: { kind: 'descriptor', fd: 3 } };
const missed: ConsistencyPoint = {
  kind: 'missed',
  unpublished: { code: 'SOURCE_CHANGED', message: 'the source was written' },
};

const start: SeedFacts = {
  work: 'seed',
  last: null,
  cancelled: false,
  someTargetFailed: false,
  free: 'skip',
  freeDone: false,
  unreadable: emptyExtents,
  durableBytes: 0,
  isTruncated: false,
  point: null,
};

type Change = Partial<Record<Step['kind'], Partial<SeedFacts>>>;

/** Every step of a run; `after`: which facts each of them changes. */
function stepsOf(given: Partial<SeedFacts>, after: Change = { 'reach point': { point: reached } }) {
  const taken: Step[] = [];
  let facts: SeedFacts = { ...start, ...given };
  for (;;) {
    const step = nextStep(facts);
    if (step.kind === 'end') return taken;
    taken.push(step);
    facts = { ...facts, ...after[step.kind], last: step.kind };
  }
}

const kindsOf = (...run: Parameters<typeof stepsOf>) => stepsOf(...run).map(({ kind }) => kind);

test('a seed invalidates its targets first, and publishes them when all else is there', (t) => {
  t.deepEqual(kindsOf({}), [
    'invalidate',
    'wipe signatures',
    'copy body',
    'reach point',
    'publish',
    'probe targets',
  ]);
});

test('the header is read where the point was reached', (t) => {
  const steps = stepsOf({});
  t.like(
    steps.find(({ kind }) => kind === 'publish'),
    { headerFrom: { kind: 'descriptor', fd: 3 } },
  );
});

test('unused ranges are cleared once, whatever run began with it', (t) => {
  t.like(stepsOf({ free: 'discard' })[2], { kind: 'clear unused', how: 'discard' });
  t.false(kindsOf({ free: 'zero', freeDone: true }).includes('clear unused'));
});

test('a resumed seed retries what could not be read before it goes on with the body', (t) => {
  const unreadable = extentOf(8192, 4096);
  const [, , retry, body] = stepsOf({ unreadable, durableBytes: 65536 });
  t.like(retry, { kind: 'retry unreadable' });
  t.like(body, { kind: 'copy body', startAtBytes: 65536 });
});

test('without a consistency point no target is published', (t) => {
  const steps = stepsOf({}, { 'reach point': { point: missed } });
  t.false(steps.some(({ kind }) => kind === 'publish' || kind === 'probe targets'));
  t.deepEqual(steps.at(-1), { kind: 'save checkpoint', targetsAre: 'unfinished' });
});

for (const step of ['clear unused', 'copy body', 'reach point', 'publish'] as const) {
  test(`a seed that is cancelled in "${step}" does nothing more but save how far it came`, (t) => {
    const after: Change = { 'reach point': { point: reached } };
    const steps = stepsOf(
      { free: 'zero', unreadable: extentOf(0, 4096) },
      { ...after, [step]: { ...after[step], cancelled: true } },
    );
    const at = steps.findIndex(({ kind }) => kind === step);
    t.deepEqual(steps.slice(at + 1), [{ kind: 'save checkpoint', targetsAre: 'unfinished' }]);
  });
}

test('published targets that lack unreadable ranges get a checkpoint that says so', (t) => {
  const after: Change = {
    'copy body': { unreadable: extentOf(4096, 4096) },
    'reach point': { point: reached },
  };
  const published = { kind: 'save checkpoint', targetsAre: 'published' } as const;
  t.deepEqual(stepsOf({}, after).at(-1), published);
  // A target that was given up is not what such a checkpoint would claim.
  t.false(kindsOf({ someTargetFailed: true }, after).includes('save checkpoint'));
});

test('a truncated copy is published, and not expected to probe as the source does', (t) => {
  const kinds = kindsOf({ isTruncated: true });
  t.true(kinds.includes('publish'));
  t.false(kinds.includes('probe targets'));
});

test('a retry leaves published targets their signature at every moment', (t) => {
  const given = { work: 'retry', unreadable: extentOf(0, 4096) } as const;
  t.deepEqual(kindsOf(given), [
    'retry unreadable',
    'drop missing targets',
    'probe targets',
    'reach point',
    'save checkpoint',
  ]);
  t.deepEqual(kindsOf(given, { 'retry unreadable': { cancelled: true } }), [
    'retry unreadable',
    'drop missing targets',
    'reach point',
    'save checkpoint',
  ]);
});
