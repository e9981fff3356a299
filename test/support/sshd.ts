/** A private sshd on the loopback interface, with keys of its own: another host, as far as ssh knows. */

import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { fastsyncBin } from './fastsync.js';
import { endingWithUs } from './lifetime.js';
import { type Owner, scratchDirectory } from './scratch.js';

export interface Sshd {
  /** The options that lead a run there, and start fastsync as it was built here. */
  readonly words: readonly string[];
  /** Only those that lead there. */
  readonly ssh: readonly string[];
  /** What ssh calls the host. */
  readonly host: string;
  /** The ssh configuration: for `ssh -F`. */
  readonly config: string;
  readonly directory: string;
}

export interface SshdOptions {
  /** Before the key in authorized_keys: command="…". */
  readonly keyOptions?: string;
  /** What the far login shell prints first. */
  readonly greeting?: string;
}

/** Starts one, which ends with the test. Its host is called `backup`. */
export async function startSshd(t: Owner, options: SshdOptions = {}): Promise<Sshd> {
  const directory = await scratchDirectory(t);
  const at = (name: string) => path.join(directory, name);
  await mkdir('/run/sshd', { recursive: true });
  for (const name of ['host', 'user']) {
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  }
  const { stdout: key } = await execa('cat', [at('user.pub')]);
  const { stdout: hostKey } = await execa('cat', [at('host.pub')]);
  const port = await freePort();
  const before = options.keyOptions === undefined ? '' : `${options.keyOptions} `;
  await writeFile(at('authorized_keys'), `${before}${key}\n`, { mode: 0o600 });
  await writeFile(at('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  const forced = options.greeting === undefined ? [] : [`ForceCommand ${at('greeting')}`];
  if (options.greeting !== undefined) {
    const script = `#!/bin/sh\nprintf '%s\\n' '${options.greeting}'\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n`;
    await writeFile(at('greeting'), script, { mode: 0o755 });
  }
  await writeFile(
    at('sshd_config'),
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      ...forced,
      '',
    ].join('\n'),
  );
  await writeFile(
    at('ssh_config'),
    [
      'Host backup',
      '  HostName 127.0.0.1',
      `  Port ${port}`,
      `  IdentityFile ${at('user')}`,
      `  UserKnownHostsFile ${at('known_hosts')}`,
      '  IdentitiesOnly yes',
      '  BatchMode yes',
      '  LogLevel ERROR',
      '',
    ].join('\n'),
  );
  const [file, words] = endingWithUs('/usr/sbin/sshd', ['-D', '-e', '-f', at('sshd_config')]);
  const daemon = execa(file, words, { stdin: 'ignore', stdout: 'ignore', reject: false });
  t.teardown(async () => {
    daemon.kill('SIGKILL');
    await daemon;
  });
  await listening(daemon.stderr);
  const ssh = ['--ssh', `ssh -F ${at('ssh_config')}`];
  return {
    directory,
    host: 'backup',
    config: at('ssh_config'),
    ssh,
    words: [...ssh, '--remote-command', `${process.execPath} ${fastsyncBin}`],
  };
}

async function listening(output: Readable): Promise<void> {
  const said: string[] = [];
  for await (const line of createInterface({ input: output })) {
    said.push(line);
    if (line.includes('Server listening')) {
      output.resume();
      return;
    }
  }
  throw new Error(`sshd did not start: ${said.join('; ')}`);
}

/** It may be taken again before it is used; then sshd says so, and the test fails with that. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
