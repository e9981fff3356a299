/**
 * The requests in flight, by the name of what they go to: volumes, journals, files of our own. It shows a
 * disk or server that does not answer, and can make everything that waits for it fail. Like
 * descriptors.ts, it is global to the process.
 */

/** Requests passed to the kernel, and completed, since the process began. */
export interface Requests {
  readonly submitted: number;
  readonly completed: number;
}

export type NamedRequests = Requests & { readonly name: string };

/** A caller that waits. */
interface Waiter {
  readonly names: readonly string[];
  /** The requests counted while it waits. */
  readonly requests: () => readonly NamedRequests[];
  readonly fail: (error: Error) => void;
}

const waiters = new Set<Waiter>();
/** The requests of callers that no longer wait. */
const earlier = new Map<string, Requests>();
const lost = new Map<string, Error>();

/** Makes one request. Rejects at once if the name has been given up, or as soon as it is. */
export function inFlight<T>(name: string, request: () => Promise<T>): Promise<T> {
  let completed = 0;
  return waiting({
    names: [name],
    requests: () => [{ name, submitted: 1, completed }],
    done: () =>
      request().finally(() => {
        completed = 1;
      }),
  });
}

/** Waits for work with many requests to `names`; `requests` counts them. Rejects as inFlight() does. */
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
    for (const { name, submitted } of requests())
      count(earlier, { name, submitted, completed: submitted });
  }
}

/** The requests submitted to each name, and those completed. */
export function requestsInFlight(): ReadonlyMap<string, Requests> {
  const sums = new Map(earlier);
  for (const { requests } of waiters) for (const one of requests()) count(sums, one);
  return sums;
}

/** Makes pending and later requests to that name fail with this error. */
export function giveUp(name: string, error: Error): void {
  lost.set(name, error);
  for (const { names, fail } of waiters) if (names.includes(name)) fail(error);
}

export function isGivenUp(name: string): boolean {
  return lost.has(name);
}

function count(sums: Map<string, Requests>, { name, submitted, completed }: NamedRequests): void {
  const { submitted: before, completed: ofThem } = sums.get(name) ?? { submitted: 0, completed: 0 };
  sums.set(name, { submitted: before + submitted, completed: ofThem + completed });
}
