/** Extent lists against nbdkit's filter, seen by two NBD clients. */

import test from 'ava';
import { execa } from 'execa';
import { canonical, subtract } from '../../../fsparsers/extents.js';
import { mappedVolume, type MappedVolume, writeFormat } from '../../support/mapped-volume.js';

/** What a client prints that is connected to the volume through the filter. */
async function seenBy(volume: MappedVolume, file: string, client: string): Promise<unknown> {
  const { stdout } = await execa('nbdkit', [
    ...['-r', '-U', '-', '--filter=extentlist', 'file', volume.image, `extentlist=${file}`],
    ...['--run', client],
  ]);
  return JSON.parse(stdout);
}

function extentsOf(list: readonly { readonly start: number; readonly length: number }[]) {
  return canonical(Float64Array.from(list.flatMap(({ start, length }) => [start, length])));
}

test('nbdinfo and qemu-img see the used ranges as data and the rest as holes', async (t) => {
  const sizeBytes = 40 * 1024 * 1024 + 1536;
  const volume = await mappedVolume(t, { sizeBytes, mkfs: ['-b', '1024'] });
  const file = await writeFormat(volume, 'extentlist');
  const free = subtract(Float64Array.of(0, volume.bytes), volume.used);

  const byNbdinfo = (await seenBy(volume, file, 'nbdinfo --map --json "$uri"')) as {
    readonly offset: number;
    readonly length: number;
    readonly type: number;
  }[];
  const ofType = (wanted: number) =>
    extentsOf(
      byNbdinfo
        .filter(({ type }) => type === wanted)
        .map(({ offset, length }) => ({ start: offset, length })),
    );
  const [data, holeButNotZero] = [0, 1];
  t.deepEqual(ofType(data), volume.used);
  t.deepEqual(ofType(holeButNotZero), free);

  const byQemu = (await seenBy(volume, file, 'qemu-img map --output=json -f raw "$uri"')) as {
    readonly start: number;
    readonly length: number;
    readonly data: boolean;
    readonly zero: boolean;
  }[];
  t.deepEqual(extentsOf(byQemu.filter(({ data }) => data)), volume.used);
  t.false(byQemu.some(({ zero }) => zero));
});
