import { writeFileSync } from 'node:fs';
import { eventsSchema, manifestSchema } from './schema.js';

/** Run by the build: puts both schemas beside this file, for programs that read what a run wrote. */
for (const [name, schema] of Object.entries({ manifest: manifestSchema, events: eventsSchema })) {
  const file = new URL(`${name}.schema.json`, import.meta.url);
  writeFileSync(file, `${JSON.stringify(schema, undefined, 2)}\n`);
}
