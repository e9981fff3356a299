/** The storage of this host, examined before a run opens anything. */

import { surveyUsage } from '../host/usage.js';
import type { HostStorage } from '../usage.js';
import { identifyTarget } from './target.js';

/**
 * `own` are the paths of the run: only file systems that these lie on are waited for. Rejects with
 * FastsyncError NOT_ANSWERING if one of those does not answer.
 */
export async function surveyHostStorage(own: readonly string[]): Promise<HostStorage> {
  return { ...(await surveyUsage(own)), identify: identifyTarget };
}
