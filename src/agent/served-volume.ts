/** The one volume of a session: opened as the agent's command line allows, and what is asked of it. */

import type { Request } from '../protocol/messages.js';
import { fingerprintOf, type HostVolume, openVolume } from '../volume/index.js';
import type { Answer, Answered } from './answer.js';
import { type Permissions, refused, refuseOther } from './permissions.js';
import { AgentTarget } from './target.js';

export class ServedVolume implements AsyncDisposable {
  readonly #permissions: Permissions;
  #isOpening = false;
  #volume: HostVolume | null = null;
  #target: AgentTarget | null = null;

  constructor(permissions: Permissions) {
    this.#permissions = permissions;
  }

  /** Throws AGENT_REFUSED. */
  get opened(): HostVolume {
    if (this.#volume === null) throw refused('no volume was opened');
    return this.#volume;
  }

  /** Throws AGENT_REFUSED. */
  get writable(): HostVolume {
    const volume = this.opened;
    if (this.#target?.isOpen !== true) throw refused('the volume was opened for reading');
    return volume;
  }

  /** Opens it for reading. */
  async open(path: string): Promise<Answered> {
    this.#beginOpening();
    try {
      this.#volume = await this.#openAllowed(path);
    } finally {
      this.#isOpening = false;
    }
    const { identity } = this.#volume;
    const body: Answer<'open'> = { identity, fingerprint: await fingerprintOf(identity) };
    return { body };
  }

  async #openAllowed(path: string): Promise<HostVolume> {
    await refuseOther(path, this.#permissions);
    const volume = await openVolume(path);
    try {
      // The name may refer to another volume by now.
      await refuseOther(path, this.#permissions, volume.identity);
      return volume;
    } catch (error) {
      await volume.close();
      throw error;
    }
  }

  /** Allows one volume per session, even if two requests for it run at once. */
  #beginOpening(): void {
    if (this.#volume !== null || this.#target !== null || this.#isOpening)
      throw refused('this session has a volume already');
    this.#isOpening = true;
  }

  async inspect(path: string): Promise<Answered> {
    // A volume that was opened for reading may turn out to need repair.
    if (this.#target !== null || this.#isOpening)
      throw refused('this session has a target already');
    this.#isOpening = true;
    try {
      this.#target = await AgentTarget.inspect(path, this.#permissions);
    } finally {
      this.#isOpening = false;
    }
    const body: Answer<'inspect'> = { found: this.#target.found };
    return { body };
  }

  async openTarget(request: Extract<Request, { type: 'openTarget' }>): Promise<Answered> {
    if (this.#target === null || this.#target.isOpen || this.#isOpening)
      throw refused('nothing was inspected');
    this.#isOpening = true;
    const {
      volume,
      isNew,
      isResized = false,
    } = await this.#target.open(request).finally(() => {
      this.#isOpening = false;
    });
    const forReading = this.#volume;
    this.#volume = volume;
    await forReading?.close();
    const { identity } = volume;
    const fingerprint = await fingerprintOf(identity);
    const body: Answer<'openTarget'> = { identity, fingerprint, isNew, isResized };
    return { body };
  }

  async write(offsetBytes: number, bytes: Uint8Array): Promise<Answered> {
    const volume = this.writable;
    if (offsetBytes + bytes.length > volume.identity.sizeBytes)
      throw refused('a write past the end');
    await volume.writeDurably(offsetBytes, bytes);
    return { body: {} };
  }

  async sync(): Promise<Answered> {
    await this.opened.sync();
    return { body: {} };
  }

  async nextData(offsetBytes: number): Promise<Answered> {
    const body: Answer<'nextData'> = { offsetBytes: await this.opened.nextData(offsetBytes) };
    return { body };
  }

  async inPlace(): Promise<Answered> {
    const body: Answer<'inPlace'> = { isInPlace: await this.opened.isInPlace() };
    return { body };
  }

  async read({ offsetBytes, lengthBytes }: Extract<Request, { type: 'read' }>): Promise<Answered> {
    const volume = this.opened;
    if (offsetBytes + lengthBytes > volume.identity.sizeBytes)
      throw refused('a read behind the end');
    return { body: {}, attachment: await volume.reader.read(offsetBytes, lengthBytes) };
  }

  async writeCounter(): Promise<Answered> {
    const { value, isFresh } = await this.opened.writeCounter();
    const body: Answer<'writeCounter'> = { counterText: value, isFresh };
    return { body };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#target?.isOpen === true) await this.#target[Symbol.asyncDispose]();
    else await this.#volume?.close();
  }
}
