/** Reads a textfile with the Prometheus project's own Python client, and says what is in it. */

import { execa } from 'execa';

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const program = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(open(sys.argv[1], encoding="utf-8", newline="").read()))
for family in families:
    assert family.type == "gauge", family
    assert family.documentation, family
names = [family.name for family in families]
assert len(names) == len(set(names)), names
print(json.dumps([
    {"name": s.name, "labels": s.labels, "value": s.value} for f in families for s in f.samples
]))
`;

/** The samples in the order of the file; rejects if it is malformed. */
export async function prometheusSamples(file: string): Promise<readonly Sample[]> {
  const { stdout } = await execa('/usr/bin/python3', ['-c', program, file]);
  return JSON.parse(stdout) as readonly Sample[];
}
