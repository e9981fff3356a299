/** Images made by other projects, with what independent tools found used in them. */

import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';

export interface CorpusImage {
  readonly origin: string;
  readonly name: string;
  /** ext2, ext3, ext4, jbd, xfs, ntfs, vfat, ... */
  readonly fs: string;
  /** "clean" where the used ranges were agreed on by independent tools; else what is wrong with it. */
  readonly status: string;
  readonly path: string;
  /** Used ranges in bytes, sorted and merged; null where no tool could tell. */
  usedRanges(): Promise<{ readonly start: number; readonly length: number }[] | null>;
}

const root = path.join(import.meta.dirname, '../../..');
const corpus = process.env.FASTSYNC_CORPUS ?? path.join(root, '../shared/corpus');

/**
 * The images that `filter` takes. Where there is no corpus (it is test data beside the repository,
 * not part of it) that is logged, the test passes, and there are none; in CI the test fails.
 */
export async function corpusImages(
  t: ExecutionContext,
  filter: (image: CorpusImage) => boolean,
): Promise<CorpusImage[]> {
  const list = await readFile(path.join(corpus, 'list.tsv'), 'utf8').catch(() => null);
  if (list === null) {
    if (process.env.CI === 'true') throw new Error(`there is no corpus at ${corpus}`);
    t.log(`skipped: there is no corpus at ${corpus} (set FASTSYNC_CORPUS)`);
    t.pass();
    return [];
  }
  const images: CorpusImage[] = [];
  for (const line of list.trimEnd().split('\n').slice(1)) {
    const image = imageOf(line.split('\t'), path.join(tmpdir(), 'fastsync-corpus'));
    if (filter(image)) images.push(image);
  }
  for (const origin of new Set(images.map((image) => image.origin))) await unpack(origin);
  return images;
}

function imageOf(columns: readonly string[], folder: string): CorpusImage {
  const [origin = '', name = '', fs = '', , , status = '', oracle = ''] = columns;
  return {
    origin,
    name,
    fs,
    status,
    path: path.join(folder, origin, name),
    usedRanges: () => (oracle === '' ? Promise.resolve(null) : readRanges(oracle)),
  };
}

async function readRanges(oracle: string): Promise<{ start: number; length: number }[]> {
  const packed = await readFile(path.join(corpus, oracle));
  const text = (await promisify(gunzip)(packed)).toString().trimEnd();
  if (text === '') return [];
  return text.split('\n').map((line) => {
    const [start, length] = line.split(' ').map(Number);
    return { start: start ?? NaN, length: length ?? NaN };
  });
}

/** Unpacks an archive once, into a folder that stays for the next run; safe with several at once. */
async function unpack(origin: string): Promise<void> {
  const folder = path.join(tmpdir(), 'fastsync-corpus');
  const target = path.join(folder, origin);
  if (await exists(target)) return;
  await mkdir(folder, { recursive: true });
  const partial = await mkdtemp(path.join(folder, 'unpacking-'));
  try {
    const archive = path.join(corpus, `${origin}.tar.zst`);
    await execa('tar', ['--zstd', '--sparse', '-xf', archive, '-C', partial]);
    await rename(path.join(partial, origin), target);
  } catch (error) {
    if (!(await exists(target))) throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
