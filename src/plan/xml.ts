/** An element of an XML document; names without their prefix. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** By name, each in the order of the document. */
  readonly children: Map<string, XmlElement[]>;
  text: string;
}

const TOKENS =
  /<!\[CDATA\[([\s\S]*?)\]\]>|<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<![^>]*>|<\/([^\s>]+)\s*>|<([^\s/>]+)((?:"[^"]*"|'[^']*'|[^<>"'])*)>|([^<]+)/g;
const ATTRIBUTES = /([^\s=/]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

/**
 * As much XML as a media presentation description needs: no external entities, no validation.
 * Throws RangeError where elements do not nest.
 */
export function parseXml(text: string): XmlElement {
  const root: XmlElement = { name: '', attributes: new Map(), children: new Map(), text: '' };
  const open: XmlElement[] = [root];
  for (const [, cdata, closing, opening, attributes = '', characters] of text.matchAll(TOKENS)) {
    const parent = open.at(-1) as XmlElement;
    if (cdata !== undefined) parent.text += cdata;
    else if (characters !== undefined) parent.text += decode(characters);
    else if (closing !== undefined) {
      if (open.length === 1 || localName(closing) !== parent.name) {
        throw new RangeError(`</${closing}> closes nothing`);
      }
      open.pop();
    } else if (opening !== undefined) {
      const element = readElement(opening, attributes);
      const siblings = parent.children.get(element.name);
      if (siblings === undefined) parent.children.set(element.name, [element]);
      else siblings.push(element);
      if (!attributes.endsWith('/')) open.push(element);
    }
  }
  const [documents] = root.children.values();
  const document = documents?.[0];
  if (document === undefined || open.length > 1) throw new RangeError('it ends too early');
  return document;
}

function readElement(opening: string, attributes: string): XmlElement {
  const found = new Map<string, string>();
  for (const [, name = '', double, single] of attributes.matchAll(ATTRIBUTES)) {
    found.set(name, decode(double ?? single ?? ''));
  }
  return { name: localName(opening), attributes: found, children: new Map(), text: '' };
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined || hex !== undefined) {
      const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    }
    return ENTITIES[name as string] ?? whole;
  });
}
