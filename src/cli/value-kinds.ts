/** What the value of an option is, by the option's name: its placeholder, and how it is completed. */

export type ValueKind =
  'volume' | 'file' | 'directory' | 'pair' | 'command' | 'number' | 'size' | 'time' | 'text';

const kinds: Readonly<Record<ValueKind, readonly string[]>> = {
  volume: ['src', 'dst', 'log-device', 'only', 'volume'],
  file: ['against', 'config', 'ddrescue-map', 'html', 'manifest', 'rescue-map', 'write-manifest'],
  directory: ['journal', 'state-dir', 'unit-dir'],
  pair: ['pair', 'pairs'],
  command: ['after-epoch', 'after-freeze', 'before-freeze', 'remote-command', 'ssh'],
  number: ['checkpoint-interval', 'queue-depth', 'rounds'],
  size: ['bwlimit', 'chunk', 'granularity', 'in-flight', 'manifest-cell', 'start', 'stop'],
  time: [
    'hook-timeout',
    'interval',
    'io-timeout',
    'lag-tolerance',
    'max-freeze',
    'max-time',
    'peer-timeout',
    'random-delay',
    'retry-for',
  ],
  text: ['allow', 'calendar', 'root'],
};

const kindOfName: ReadonlyMap<string, ValueKind> = new Map(
  (Object.entries(kinds) as [ValueKind, readonly string[]][]).flatMap(([kind, names]) =>
    names.map((name) => [name, kind] as const),
  ),
);

/** Null for a name that nobody has entered here: a test says so. */
export function valueKind(name: string): ValueKind | null {
  return kindOfName.get(name) ?? null;
}
