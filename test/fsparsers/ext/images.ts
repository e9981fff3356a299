/** Real ext2/3/4 images in many layouts, made and filled by e2fsprogs. */

import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { sparseFile } from '../../support/scratch.js';

const mebibyte = 2 ** 20;

export interface ImageRecipe {
  readonly sizeBytes: number;
  /** mke2fs options. */
  readonly options: readonly string[];
  /** Space behind the file system's end, added afterwards. */
  readonly trailingBytes?: number;
  /** Commands to run on the image afterwards, with its path put in place of `IMAGE`. */
  readonly then?: readonly string[];
}

/** Parameters in MiB, for tables. */
export function recipe(
  sizeMebibytes: number,
  options: string,
  rest: Partial<ImageRecipe> = {},
): ImageRecipe {
  return { sizeBytes: sizeMebibytes * mebibyte, options: options.split(' '), ...rest };
}

/**
 * Makes the image as `file`. It holds a tree of small and large files, of which every second one was
 * deleted again, so that its bitmaps have many runs.
 */
export async function makeImage(file: string, image: ImageRecipe): Promise<string> {
  await sparseFile(file, image.sizeBytes);
  await execa('mke2fs', ['-q', '-F', ...image.options, file], { env: fixedTime });
  await fill(file);
  for (const command of image.then ?? []) {
    await execa('bash', ['-euc', command.replaceAll('IMAGE', file)]);
  }
  if (image.trailingBytes !== undefined) {
    await truncate(file, image.sizeBytes + image.trailingBytes);
  }
  return file;
}

const fixedTime = { E2FSPROGS_FAKE_TIME: '1700000000' };
const filesCount = 24;

async function fill(image: string): Promise<void> {
  const source = path.join(path.dirname(image), 'content');
  const script: string[] = ['mkdir dir'];
  await writeFile(source, Buffer.alloc(70_000, 'fastsync'));
  for (let nth = 0; nth < filesCount; nth++) script.push(`write ${source} dir/file${nth}`);
  for (let nth = 0; nth < filesCount; nth += 2) script.push(`rm dir/file${nth}`);
  await execa('debugfs', ['-w', '-f', '-', image], { input: script.join('\n'), env: fixedTime });
}
