/** The agent's side of a session: answers requests for one volume of this host, and does nothing else. */

import { type Job, type JobResult, serveBlocks } from '../engine/index.js';
import { exitCodes, FastsyncError } from '../errors.js';
import { type Channel, Link, type Message, protocolBroken } from '../protocol/index.js';
import { digestLimits, mostReadBytes, type Request, requestSchema } from '../protocol/messages.js';
import { version } from '../version.js';
import { bootId } from '../volume/index.js';
import type { Answer, Answered } from './answer.js';
import { Digests } from './digests.js';
import { type Permissions, refused } from './permissions.js';
import { ServedVolume } from './served-volume.js';

export interface AgentOptions extends Permissions {
  readonly channel: Channel;
  readonly silenceMs: number;
}

/** The most concurrent requests; a driver needs two. */
const mostPending = 8;
/** The page size: smaller requests go through the page cache. */
const leastGranularity = 4096;
/** Together with Node itself, an agent stays below 128 MiB. */
const blocksIo = { inFlightBytes: 32 * 1024 * 1024, queueDepth: 64 };

/** Serves until the driver ends the connection, even during a request. Rejects as the link does. */
export async function serve(options: AgentOptions): Promise<void> {
  const { channel, silenceMs } = options;
  await using session = new Session(options);
  const link = new Link({
    channel,
    silenceMs,
    peer: 'the driver',
    mostAttachedBytes: (control) => session.mostAttachedBytes(control),
  });
  for await (const message of link.messages()) session.take(link, message);
}

class Session implements AsyncDisposable {
  readonly #volume: ServedVolume;
  readonly #digests = new Digests();
  readonly #pending = new Set<Promise<void>>();
  #isGreeted = false;
  #blocks: Job<JobResult> | null = null;

  constructor(permissions: Permissions) {
    this.#volume = new ServedVolume(permissions);
  }

  mostAttachedBytes(control: unknown): number {
    const { type } = control as { type?: unknown };
    if (type === 'write') return mostReadBytes;
    return type === 'digest' ? digestLimits.extents * 16 : 0;
  }

  /** Starts a request. Throws PROTOCOL_BROKEN. */
  take(link: Link, { control, attachment }: Message): void {
    const parsed = requestSchema.safeParse(control);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = issue?.path.join('.') ?? '';
      throw protocolBroken(link.peer, `a request that is none (${where}: ${issue?.message ?? ''})`);
    }
    const request = parsed.data;
    if (this.#isGreeted === (request.type === 'hello')) {
      throw protocolBroken(link.peer, `"${request.type}" out of turn`);
    }
    if (this.#digests.has(request.id)) {
      throw protocolBroken(link.peer, `a second request of the number ${request.id}`);
    }
    if (this.#pending.size >= mostPending) {
      throw protocolBroken(link.peer, `more than ${mostPending} requests at once`);
    }
    if (request.type === 'hello') {
      this.#isGreeted = true;
      link.expectSeed(BigInt(`0x${request.seed}`));
      link.sendWithSeed(BigInt(`0x${request.seed}`));
    }
    const work = this.#answer(link, request, attachment).finally(() => this.#pending.delete(work));
    this.#pending.add(work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#digests.cancelAll();
    this.#blocks?.cancel();
    await Promise.allSettled(this.#pending);
    await this.#volume[Symbol.asyncDispose]();
  }

  async #answer(link: Link, request: Request, attachment: Uint8Array): Promise<void> {
    const { id } = request;
    let answered: Answered;
    try {
      answered = await this.#do(link, request, attachment);
      await link.send({ id, type: 'reply', ...answered.body }, answered.attachment);
    } catch (error) {
      await link.send({ id, type: 'failure', ...failureOf(error) });
      return;
    }
    try {
      await answered.afterwards?.();
    } catch (error) {
      link.fail(error);
    }
  }

  #do(link: Link, request: Request, attachment: Uint8Array): Answered | Promise<Answered> {
    switch (request.type) {
      case 'hello':
        return this.#hello();
      case 'open':
        return this.#volume.open(request.path);
      case 'read':
        return this.#volume.read(request);
      case 'digest':
        return this.#digests.run(this.#volume.opened, request, attachment, (message) => {
          void link.send(message);
        });
      case 'cancel':
        this.#digests.cancel(request.of);
        return { body: {} };
      case 'writeCounter':
        return this.#volume.writeCounter();
      case 'inspect':
        return this.#volume.inspect(request.path);
      case 'openTarget':
        return this.#volume.openTarget(request);
      case 'write':
        return this.#volume.write(request.offsetBytes, attachment);
      case 'sync':
        return this.#volume.sync();
      case 'nextData':
        return this.#volume.nextData(request.offsetBytes);
      case 'inPlace':
        return this.#volume.inPlace();
      case 'blocks':
        return this.#serveBlocks(link);
    }
  }

  async #hello(): Promise<Answered> {
    const body: Answer<'hello'> = { version, host: await bootId() };
    return { body };
  }

  /** The reply is the last message before the blocks, and no other request may be running. */
  #serveBlocks(link: Link): Answered {
    const { endpoint, identity } = this.#volume.writable;
    if (this.#pending.size > 0) throw refused('blocks while another request is under way');
    const { sizeBytes, logicalBlockBytes } = identity;
    link.hush();
    const body: Answer<'blocks'> = {
      granularityBytes: Math.max(leastGranularity, logicalBlockBytes),
    };
    const afterwards = async () => {
      await link.lend(async (peer) => {
        this.#blocks = serveBlocks({ ...blocksIo, volume: endpoint, sizeBytes, link: peer });
        await this.#blocks.done.finally(() => {
          this.#blocks = null;
        });
      });
    };
    return { body, afterwards };
  }
}

function failureOf(error: unknown): object {
  const known = error instanceof FastsyncError && error.exitCode !== exitCodes.different;
  if (!known) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: 'INTERNAL', exitCode: exitCodes.usage, message, remedy: null };
  }
  const { code, exitCode, message, remedy = null } = error;
  return { code, exitCode: exitCode === exitCodes.interrupted ? 3 : exitCode, message, remedy };
}
