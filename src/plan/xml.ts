/** An element of an XML document; names without their prefix. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** By name, each in the order of the document. */
  readonly children: Map<string, XmlElement[]>;
  text: string;
}

const CDATA = '<![CDATA[';
/** What is passed over, by its beginning and its end; the longer beginnings first. */
const PASSED_OVER = [
  ['<!--', '-->'],
  ['<?', '?>'],
  ['<!', '>'],
] as const;
const CLOSING = /<\/([^\s<>]+)\s*>/y;
const OPENING = /<([^\s<>/="']+)/y;
const ATTRIBUTE = /\s*([^\s<>/="']+)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;
const END_OF_TAG = /\s*(\/?)>/y;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/**
 * As much XML as a media presentation description needs: no external entities, no validation.
 * Throws RangeError where it is not well-formed. Takes time in proportion to the text, whatever is in it.
 */
export function parseXml(text: string): XmlElement {
  const root = createElement('');
  const open: XmlElement[] = [root];
  let at = 0;

  function take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(text) ?? undefined;
    if (found !== undefined) at = pattern.lastIndex;
    return found;
  }

  /** What is between the two, which are taken as well. */
  function takeBetween(beginning: string, end: string): string {
    const from = at + beginning.length;
    const found = text.indexOf(end, from);
    if (found === -1) throw endsTooEarly();
    at = found + end.length;
    return text.slice(from, found);
  }

  function close(name: string): void {
    if (open.length === 1 || localName(name) !== open.at(-1)?.name) {
      throw new RangeError(`</${name}> closes nothing`);
    }
    open.pop();
  }

  function begin(parent: XmlElement): void {
    const element = createElement(localName(take(OPENING)?.[1] ?? ''));
    for (let found = take(ATTRIBUTE); found !== undefined; found = take(ATTRIBUTE)) {
      const [, name = '', double, single] = found;
      element.attributes.set(name, decode(double ?? single ?? ''));
    }
    const end = take(END_OF_TAG);
    if (element.name === '' || end === undefined) throw new RangeError('it is not well-formed XML');
    const siblings = parent.children.get(element.name);
    if (siblings === undefined) parent.children.set(element.name, [element]);
    else siblings.push(element);
    if (end[1] === '') open.push(element);
  }

  while (at < text.length) {
    const parent = open.at(-1) as XmlElement;
    const passedOver = PASSED_OVER.find(([beginning]) => text.startsWith(beginning, at));
    if (text.startsWith(CDATA, at)) {
      parent.text += takeBetween(CDATA, ']]>');
    } else if (passedOver !== undefined) {
      takeBetween(passedOver[0], passedOver[1]);
    } else if (text.startsWith('</', at)) {
      close(take(CLOSING)?.[1] ?? '');
    } else if (text[at] === '<') {
      begin(parent);
    } else {
      const next = text.indexOf('<', at);
      const end = next === -1 ? text.length : next;
      parent.text += decode(text.slice(at, end));
      at = end;
    }
  }
  const [documents] = root.children.values();
  const document = documents?.[0];
  if (document === undefined || open.length > 1) throw endsTooEarly();
  return document;
}

function createElement(name: string): XmlElement & { readonly attributes: Map<string, string> } {
  return { name, attributes: new Map(), children: new Map(), text: '' };
}

function endsTooEarly(): RangeError {
  return new RangeError('it ends too early');
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
    return ENTITIES.get(name as string) ?? whole;
  });
}
