/**
 * The requests that have not been answered, by the name of what they were made to: volumes, journals, files
 * of our own. A disk or a server that answers nobody shows here, and what waits for it can be told to
 * fail. As with descriptors.ts, there is one account for the whole process.
 */

/** Handed to the kernel, and come back, since the process began. */
export interface Requests {
  readonly asked: number;
  readonly answered: number;
}

export type NamedRequests = Requests & { readonly name: string };

/** Somebody who waits. */
interface Waiter {
  readonly names: readonly string[];
  /** What is counted as long as he waits. */
  readonly requests: () => readonly NamedRequests[];
  readonly fail: (error: Error) => void;
}

const waiters = new Set<Waiter>();
/** Of those who wait no longer. */
const earlier = new Map<string, Requests>();
const lost = new Map<string, Error>();

/** Makes one request. Rejects at once where the name was given up, and as soon as it is. */
export function asking<T>(name: string, request: () => Promise<T>): Promise<T> {
  let answered = 0;
  return waiting({
    names: [name],
    requests: () => [{ name, asked: 1, answered }],
    done: () =>
      request().finally(() => {
        answered = 1;
      }),
  });
}

/** Work of many requests, made to `names`; `requests` counts them. Rejects as asking() does. */
export async function waiting<T>({
  names,
  requests,
  done,
}: Pick<Waiter, 'names' | 'requests'> & { readonly done: () => Promise<T> }): Promise<T> {
  for (const name of names) {
    const error = lost.get(name);
    if (error !== undefined) throw error;
  }
  let waiter: Waiter | undefined;
  const failing = new Promise<never>((_, fail) => {
    waiter = { names, requests, fail };
    waiters.add(waiter);
  });
  try {
    return await Promise.race([done(), failing]);
  } finally {
    if (waiter !== undefined) waiters.delete(waiter);
    for (const { name, asked } of requests()) count(earlier, { name, asked, answered: asked });
  }
}

/** What was asked of each name, and what it has answered. */
export function requestsInFlight(): ReadonlyMap<string, Requests> {
  const sums = new Map(earlier);
  for (const { requests } of waiters) for (const one of requests()) count(sums, one);
  return sums;
}

/** Whoever waits for that name, or asks it from now on, fails with this error. */
export function giveUp(name: string, error: Error): void {
  lost.set(name, error);
  for (const { names, fail } of waiters) if (names.includes(name)) fail(error);
}

export function isGivenUp(name: string): boolean {
  return lost.has(name);
}

function count(sums: Map<string, Requests>, { name, asked, answered }: NamedRequests): void {
  const { asked: before, answered: ofThem } = sums.get(name) ?? { asked: 0, answered: 0 };
  sums.set(name, { asked: before + asked, answered: ofThem + answered });
}
