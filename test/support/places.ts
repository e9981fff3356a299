/** What lies where on a volume, in the words of tools that are not ours. */

import { execa } from 'execa';

/** Blocks of one structure. */
export interface Place {
  readonly name: RegExp;
  readonly start: number;
  readonly length: number;
}

/** Everything in use on an ext volume, by dumpe2fs and debugfs. */
export async function extPlaces(image: string): Promise<Place[]> {
  const { stdout } = await execa('dumpe2fs', [image]);
  const blockBytes = Number(/^Block size:\s+(\d+)/m.exec(stdout)?.[1]);
  const firstBlock = Number(/^First block:\s+(\d+)/m.exec(stdout)?.[1]);
  const blockCount = Number(/^Block count:\s+(\d+)/m.exec(stdout)?.[1]);
  const owner = new Map<number, string>();
  const claim = (first: string | undefined, last: string | undefined, name: string) => {
    if (first === undefined) return;
    for (let at = Number(first); at <= Number(last ?? first); at++) owner.set(at, name);
  };
  let group = 0;
  for (const line of stdout.split('\n')) {
    group = Number(/^Group (\d+):/.exec(line)?.[1] ?? group);
    const copy = group === 0 ? '' : `group ${group} copy of `;
    for (const [pattern, name] of [
      [/superblock at (\d+)/, `${copy}superblock`],
      [/Group descriptors at (\d+)-(\d+)/, `${copy}group descriptors`],
      [/Reserved GDT blocks at (\d+)-(\d+)/, `${copy}reserved group descriptors`],
      [/Block bitmap at (\d+)/, `group ${group} block bitmap`],
      [/Inode bitmap at (\d+)/, `group ${group} inode bitmap`],
      [/Inode table at (\d+)-(\d+)/, `group ${group} inode table`],
    ] as const) {
      const [, first, last] = pattern.exec(line) ?? [];
      claim(first, last, name);
    }
    for (const span of /^ {2}Free blocks: (.+)$/.exec(line)?.[1]?.split(', ') ?? []) {
      const [first, last] = span.split('-');
      claim(first, last, 'free');
    }
  }
  const journal = await execa('debugfs', ['-R', 'blocks <8>', image]);
  for (const block of journal.stdout.trim().split(/\s+/)) claim(block, block, 'journal');
  const places: Place[] = [];
  for (let block = firstBlock; block < blockCount; block++) {
    const name = owner.get(block) ?? 'data';
    if (name === 'free') continue;
    // The first kilobyte is nobody's but the boot loader's, where it shares a block.
    const skip = block === 0 ? 1024 : 0;
    if (skip > 0) places.push({ name: /^boot block$/, start: 0, length: skip });
    const start = block * blockBytes + skip;
    places.push({ name: exactly(name), start, length: blockBytes - skip });
  }
  return places;
}

/** What xfs_db's blockuse calls a block, and what we call it. */
const xfsNames: readonly (readonly [RegExp, string])[] = [
  [/^btbno$/, 'by-block free space B\\+tree'],
  [/^btcnt$/, 'by-size free space B\\+tree'],
  [/^btino$/, 'inode B\\+tree'],
  [/^btfino$/, 'free inode B\\+tree'],
  [/^btrefcnt$/, 'reference count B\\+tree'],
  [/^(bt)?rmap(bt)?$/, 'reverse mapping B\\+tree'],
  [/^freelist$/, 'free list \\(AGFL\\)'],
  [/^inode$/, 'inode chunk'],
  [/^(data|dir|attr|btbmap[ad]|symlink)\b/, 'data'],
];

const xfsHeaders = [
  ['sb', 'superblock'],
  ['agf', 'free space header \\(AGF\\)'],
  ['agi', 'inode header \\(AGI\\)'],
  ['agfl', 'free list header \\(AGFL\\)'],
] as const;

/** Everything in use on an XFS volume, by xfs_db. */
export async function xfsPlaces(image: string): Promise<Place[]> {
  const db = async (commands: readonly string[]) =>
    (await execa('xfs_db', ['-r', image], { input: `${commands.join('\n')}\n` })).stdout;
  const super0 = await db(['sb 0', 'print blocksize agblocks agcount dblocks sectsize']);
  const field = (name: string) =>
    Number(new RegExp(`^(?:xfs_db> )?${name} = (\\d+)$`, 'm').exec(super0)?.[1]);
  const [blockBytes, agBlocks, agCount] = [field('blocksize'), field('agblocks'), field('agcount')];
  const places: Place[] = [];
  for (let ag = 0; ag < agCount; ag++) {
    for (const [command, name] of xfsHeaders) {
      const text = await db([`${command} ${ag}`, 'daddr']);
      const daddr = Number(/current daddr is (\d+)/.exec(text)?.[1]);
      places.push({
        name: new RegExp(`^AG ${ag} ${name}$`),
        start: daddr * 512,
        length: field('sectsize'),
      });
    }
  }
  const blocks = Array.from({ length: field('dblocks') }, (_, index) => index);
  const commands = blocks.flatMap((block) => [`daddr ${(block * blockBytes) / 512}`, 'blockuse']);
  const uses = (await db(['blockget -n', ...commands])).matchAll(
    /block \d+ \((\d+)\/(\d+)\) type (.+)/g,
  );
  for (const [, ag = '', agBlock = '', type = ''] of uses) {
    if (type.startsWith('free') && type !== 'freelist') continue;
    if (/^(sb|agf|agi|agfl)$/.test(type)) continue;
    const start = (Number(ag) * agBlocks + Number(agBlock)) * blockBytes;
    const known = xfsNames.find(([pattern]) => pattern.test(type))?.[1];
    if (type !== 'log' && known === undefined) throw new Error(`xfs_db calls a block "${type}"`);
    const name = type === 'log' ? /^log$/ : new RegExp(`^AG ${ag} ${known}$`);
    places.push({ name, start, length: blockBytes });
  }
  return places;
}

/** Everything in use on an NTFS volume, by ntfscluster and ntfsinfo. */
export async function ntfsPlaces(image: string): Promise<Place[]> {
  const { stdout: info } = await execa('ntfsinfo', ['-m', '-f', image]);
  const field = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(info)?.[1]);
  const [clusterBytes, sectorBytes] = [field('Cluster Size'), field('Sector Size')];
  const range = `0-${field('Volume Size in Clusters') - 1}`;
  const { stdout: files } = await execa('ntfscluster', ['-f', '-c', range, image]);
  const names = new Map(
    [...files.matchAll(/^Inode (\d+) \/(.+)$/gm)].map(([, inode, file = '']) => [
      Number(inode),
      ntfsName(Number(inode), file),
    ]),
  );
  const places: Place[] = [];
  for (const [inode, name] of names) {
    const { stdout } = await execa('ntfsinfo', ['-f', '-v', '-i', String(inode), image]);
    // A run list: VCN, LCN and length, in hexadecimal; what is sparse has no LCN.
    for (const [, lcn, length] of stdout.matchAll(
      /^\t+0x[\da-f]+\t+(0x[\da-f]+)\t+(0x[\da-f]+)$/gm,
    )) {
      const start = Number(lcn) * clusterBytes;
      const lengthBytes = Number(length) * clusterBytes;
      if (start > 0) places.push({ name: exactly(name), start, length: lengthBytes });
      else {
        places.push({ name: /^boot sector$/, start, length: sectorBytes });
        const rest = { start: sectorBytes, length: lengthBytes - sectorBytes };
        places.push({ name: exactly(name), ...rest });
      }
    }
  }
  return places;
}

function ntfsName(inode: number, file: string): string {
  if (inode === 5) return 'root directory';
  return inode < 12 ? (file.split('/')[0] ?? '') : 'data';
}

function exactly(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[$()+]/g, '\\$&')}$`);
}
