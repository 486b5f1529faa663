/** The XML of COS, written and read without a library. */

/** An element's content: text, or its children in order. */
export type Xml = string | number | boolean | readonly (readonly [string, Xml])[];

export function element(name: string, content: Xml): string {
  if (typeof content !== 'object') return `<${name}>${escape(String(content))}</${name}>`;
  return `<${name}>${content.map(([child, inner]) => element(child, inner)).join('')}</${name}>`;
}

export function xmlDocument(name: string, content: Xml): string {
  return `<?xml version='1.0' encoding='utf-8' ?>\n${element(name, content)}`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function unescape(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(parseInt(String(hex), 16));
    return ENTITIES[String(name)] ?? String(all);
  });
}

export interface CompletionPart {
  readonly number: number;
  /** Without its quotes. */
  readonly etag: string;
}

const COMPLETION =
  /^\s*(?:<\?xml[^>]*\?>)?\s*<CompleteMultipartUpload(?:\s[^>]*)?>(.*)<\/CompleteMultipartUpload>\s*$/s;

/** The parts of a CompleteMultipartUpload body; undefined when it is not well formed. */
export function parseCompletion(text: string): CompletionPart[] | undefined {
  const inner = COMPLETION.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const parts: CompletionPart[] = [];
  const rest = inner.replace(/<Part>(.*?)<\/Part>/gs, (_all, part: string) => {
    const number = /<PartNumber>\s*(\d{1,9})\s*<\/PartNumber>/.exec(part)?.[1];
    const etag = /<ETag>(.*?)<\/ETag>/s.exec(part)?.[1];
    if (number === undefined || etag === undefined) return '!';
    parts.push({ number: Number(number), etag: unescape(etag).trim().replace(/^"|"$/g, '') });
    return '';
  });
  return rest.trim() === '' && parts.length > 0 ? parts : undefined;
}
