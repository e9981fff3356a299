/** The configuration that a command works by. */

import { type Config, loadConfig } from '../config/index.js';
import { visible } from '../report/visible.js';

/** As loadConfig(); keys under their old names are told on stderr. */
export async function configuration(file: string): Promise<Config> {
  const config = await loadConfig(file);
  for (const line of config.deprecations) process.stderr.write(`warning: ${visible(line)}\n`);
  return config;
}
