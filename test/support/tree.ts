/** Whole file trees: one to fill a volume with, and rsync's word on whether two are the same. */

import { execa } from 'execa';

/**
 * Every difference between two trees as rsync itemises it: contents (by checksum), modes, owners,
 * times to the nanosecond, xattrs, ACLs, hard links, devices, missing and surplus files.
 */
export async function treeDifferences(left: string, right: string): Promise<string[]> {
  const { stdout } = await execa('rsync', [
    '--archive',
    '--hard-links',
    '--acls',
    '--xattrs',
    '--checksum',
    '--modify-window=-1',
    '--numeric-ids',
    '--delete',
    '--dry-run',
    '--itemize-changes',
    `${left}/`,
    `${right}/`,
  ]);
  return stdout.split('\n').filter((line) => line !== '');
}

/**
 * Fills a mounted file system with all that a tree can hold: small and large and sparse files,
 * fragmented ones, deep directories, links of both kinds, odd names, owners, modes, times, xattrs.
 * The content is the same for the same `seed`.
 */
export async function populateTree(directory: string, seed: number, mebibytes = 24): Promise<void> {
  await execa('bash', [
    '-euc',
    populateScript,
    'populate',
    directory,
    String(seed),
    String(mebibytes),
  ]);
}

const populateScript = `
cd "$1"; seed=$2; size=$3
bytes() { openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' "$((seed + $1))")" -iv 0 </dev/zero 2>/dev/null | head -c "$2" || true; }
mkdir -p deep/a/b/c/d/e/f/g many names
bytes 1 $((size * 1024 * 512)) > large
for i in $(seq 1 60); do bytes $((100 + i)) $((i * 997)) > "many/file$i"; done
# Every second file goes again, and one large file grows into the gaps: fragmentation.
for i in $(seq 1 2 60); do rm "many/file$i"; done
for i in $(seq 1 32); do bytes $((200 + i)) 40000 >> fragmented; bytes $((300 + i)) 9000 > "many/between$i"; done
bytes 2 70000 > sparse; truncate -s 30M sparse; bytes 3 5000 >> sparse
: > empty; ln empty hardlink; ln -s large symlink; ln -s "$(printf 'x%.0s' $(seq 1 100))" longlink
mkfifo fifo; mknod device c 1 3
bytes 4 3000 > 'names/mit Leerzeichen äöü €'
bytes 5 3000 > deep/a/b/c/d/e/f/g/bottom
chmod 4751 large; chown 1234:4321 fragmented; touch -d '2001-02-03 04:05:06.789012345' sparse
setfattr -n user.comment -v 'an attribute' large 2>/dev/null || true
setfattr -n user.long -v "$(printf 'v%.0s' $(seq 1 900))" fragmented 2>/dev/null || true
`;
