/** Digests of a volume's cells by dd, xxhsum and sha256sum: the answer for ours to be compared with. */

import { execa } from 'execa';

const tools = {
  'xxh3-128': 'xxhsum -H2',
  xxh64: 'xxhsum -H1',
  sha256: 'sha256sum',
} as const;

export type Algorithm = keyof typeof tools;
export const algorithms = Object.keys(tools) as Algorithm[];

/** For each cell that the extents touch: its index and the digest over their bytes in it, in hexadecimal. */
export async function cellDigestsByTools(
  volume: string,
  extents: Float64Array,
  cellBytes: number,
  algorithm: Algorithm,
): Promise<[cell: number, digest: string][]> {
  const cells = new Map<number, string[]>();
  for (let i = 0; i < extents.length; i += 2) {
    const end = (extents[i] as number) + (extents[i + 1] as number);
    for (let start = extents[i] as number; start < end;) {
      const cell = Math.floor(start / cellBytes);
      const next = Math.min(end, (cell + 1) * cellBytes);
      cells.set(cell, [...(cells.get(cell) ?? []), `${start}:${next - start}`]);
      start = next;
    }
  }
  const script = `while read -r pieces; do
    for piece in $pieces; do
      dd if="$1" bs=64K iflag=skip_bytes,count_bytes skip="\${piece%:*}" count="\${piece#*:}" status=none
    done | ${tools[algorithm]}
  done`;
  const input = [...cells.values()].map((pieces) => `${pieces.join(' ')}\n`).join('');
  const { stdout } = await execa('bash', ['-euc', script, 'cells', volume], { input });
  const digests = stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
  return [...cells.keys()].map((cell, index) => [cell, digests[index] ?? '']);
}
