import { withoutSecrets } from '../core/text.js';
import { assertBearable, type Reference } from './reference.js';
import { parseXml, type XmlElement } from './xml.js';

/** What the levels from the presentation down to one representation agree on. */
interface Scope {
  readonly base: string;
  /** Outermost first. */
  readonly levels: readonly XmlElement[];
  readonly durationSeconds: number | undefined;
  /** Counts what is looked through for one representation. Throws TooManyReferences. */
  look(elements: readonly XmlElement[]): void;
}

/** What is within a list of segments, beside its timeline. */
const NAMING_FILES = ['Initialization', 'RepresentationIndex', 'BitstreamSwitching', 'SegmentURL'];
/** A reference that is longer leads to no file. */
const MAX_URI_LENGTH = 8192;

/** Everything that a DASH presentation (ISO/IEC 23009-1) refers to. Throws RangeError on what is none. */
export function* readDash(text: string): Generator<Reference> {
  const root = parseXml(text.replace(/^\ufeff/, ''));
  if (root.name !== 'MPD') throw new RangeError('its root element is not MPD');
  if (root.attributes.get('type') === 'dynamic') {
    throw new RangeError('it describes a live presentation (type="dynamic")');
  }
  let looked = 0;
  const look = (elements: readonly XmlElement[]): void => {
    for (const element of elements) looked += countWithin(element);
    assertBearable(looked);
  };
  const outer: Scope = { base: '', levels: [], durationSeconds: undefined, look };
  const whole = enter(outer, root);
  const periods = childrenOf(root, 'Period');
  let startSeconds = 0;
  for (const [index, period] of periods.entries()) {
    startSeconds = secondsOf(period.attributes.get('start')) ?? startSeconds;
    const endSeconds =
      secondsOf(periods[index + 1]?.attributes.get('start')) ??
      secondsOf(root.attributes.get('mediaPresentationDuration'));
    const durationSeconds =
      secondsOf(period.attributes.get('duration')) ??
      (endSeconds === undefined ? undefined : endSeconds - startSeconds);
    startSeconds += durationSeconds ?? 0;
    const inPeriod = { ...enter(whole, period), durationSeconds };
    for (const set of childrenOf(period, 'AdaptationSet')) {
      const inSet = enter(inPeriod, set);
      for (const representation of childrenOf(set, 'Representation')) {
        for (const uri of filesOf(enter(inSet, representation), representation)) {
          yield { uri, isPlaylist: false };
        }
      }
    }
  }
}

function enter(outer: Scope, element: XmlElement): Scope {
  const href = element.attributes.get('xlink:href');
  if (href !== undefined)
    throw new RangeError(`it refers to another document, ${withoutSecrets(href)}`);
  const base = childrenOf(element, 'BaseURL')[0]?.text.trim() ?? '';
  return { ...outer, base: joinUri(outer.base, base), levels: [...outer.levels, element] };
}

function* filesOf(scope: Scope, representation: XmlElement): Generator<string> {
  const kinds = ['SegmentTemplate', 'SegmentList', 'SegmentBase'] as const;
  const kind = kinds.find((name) =>
    scope.levels.some((level) => childrenOf(level, name).length > 0),
  );
  if (kind === 'SegmentTemplate') {
    for (const uri of filesOfTemplate(scope, representation)) yield joinUri(scope.base, uri);
    return;
  }
  const segments = kind === undefined ? [] : inherited(scope, kind);
  const sources = [
    ...attributesOf(segments, 'Initialization', 'sourceURL'),
    ...attributesOf(segments, 'RepresentationIndex', 'sourceURL'),
    ...attributesOf(segments, 'BitstreamSwitching', 'sourceURL'),
    ...attributesOf(segments, 'SegmentURL', 'media'),
    ...attributesOf(segments, 'SegmentURL', 'index'),
  ];
  for (const uri of sources) yield joinUri(scope.base, uri);
  // Byte ranges of one file: the base itself is the media.
  const isWholeFile = attributesOf(segments, 'SegmentURL', 'media').length === 0;
  if (isWholeFile && scope.base !== '' && !scope.base.endsWith('/')) yield scope.base;
}

/** The element of each level, innermost first. */
function inherited(scope: Scope, kind: string): XmlElement[] {
  const elements = scope.levels.flatMap((level) => childrenOf(level, kind)).reverse();
  scope.look(elements);
  return elements;
}

/** An element and what it has for each segment, which need not name a file. */
function countWithin(element: XmlElement): number {
  const timelines = childrenOf(element, 'SegmentTimeline');
  const entries = timelines[0] === undefined ? [] : childrenOf(timelines[0], 'S');
  const naming = NAMING_FILES.map((name) => childrenOf(element, name));
  return [timelines, entries, ...naming].reduce((sum, { length }) => sum + length, 1);
}

function attributesOf(elements: readonly XmlElement[], child: string, name: string): string[] {
  const nearest = elements.find((element) => childrenOf(element, child).length > 0);
  if (nearest === undefined) return [];
  return childrenOf(nearest, child).flatMap((found) => found.attributes.get(name) ?? []);
}

function* filesOfTemplate(scope: Scope, representation: XmlElement): Generator<string> {
  const templates = inherited(scope, 'SegmentTemplate');
  const attribute = (name: string): string | undefined =>
    templates.find((template) => template.attributes.has(name))?.attributes.get(name);
  const fields = {
    RepresentationID: representation.attributes.get('id') ?? '',
    Bandwidth: representation.attributes.get('bandwidth') ?? '',
  };
  for (const name of ['initialization', 'bitstreamSwitching']) {
    const uri = attribute(name);
    if (uri !== undefined) yield fill(uri, fields);
  }
  for (const uri of attributesOf(templates, 'Initialization', 'sourceURL')) yield uri;
  const patterns = [attribute('media'), attribute('index')].filter((uri) => uri !== undefined);
  const isNumbered = patterns.some((uri) => /\$(?:Number|Time)(?:%0\d+d)?\$/.test(uri));
  if (!isNumbered) {
    for (const uri of patterns) yield fill(uri, fields);
    return;
  }
  const runs = runsOf(templates, attribute, scope.durationSeconds);
  const count = runs.reduce((sum, run) => sum + run.count, 0n);
  assertBearable(count * BigInt(patterns.length));
  let number = integerOf(attribute('startNumber')) ?? 1n;
  for (const run of runs) {
    for (let index = 0n; index < run.count; index++, number++) {
      const time = run.time + index * run.duration;
      const own = { ...fields, Number: String(number), Time: String(time) };
      for (const uri of patterns) yield fill(uri, own);
    }
  }
}

/** Segments of the same duration, one after the other. */
interface Run {
  readonly time: bigint;
  readonly duration: bigint;
  readonly count: bigint;
}

function runsOf(
  templates: readonly XmlElement[],
  attribute: (name: string) => string | undefined,
  durationSeconds: number | undefined,
): Run[] {
  const timescale = integerOf(attribute('timescale')) ?? 1n;
  const offset = integerOf(attribute('presentationTimeOffset')) ?? 0n;
  const timeline = templates.flatMap((template) => childrenOf(template, 'SegmentTimeline'))[0];
  if (timeline !== undefined) {
    const end =
      durationSeconds === undefined
        ? undefined
        : BigInt(Math.round(durationSeconds * Number(timescale))) + offset;
    return runsOfTimeline(timeline, end);
  }
  const duration = integerOf(attribute('duration')) ?? 0n;
  const last = integerOf(attribute('endNumber'));
  const first = integerOf(attribute('startNumber')) ?? 1n;
  const count =
    last === undefined
      ? countSegments(durationSeconds, Number(duration) / Number(timescale))
      : last - first + 1n;
  return [{ time: offset, duration, count: atLeastNone(count) }];
}

function countSegments(totalSeconds: number | undefined, segmentSeconds: number): bigint {
  // A remainder of a thousandth is rounding, not a segment.
  const count = Math.ceil((totalSeconds ?? NaN) / segmentSeconds - 1e-3);
  if (!Number.isFinite(count) || segmentSeconds <= 0) {
    throw new RangeError('it does not say how many segments there are');
  }
  return BigInt(count);
}

function runsOfTimeline(timeline: XmlElement, periodEnd: bigint | undefined): Run[] {
  const entries = childrenOf(timeline, 'S');
  const runs: Run[] = [];
  let time = 0n;
  for (const [index, entry] of entries.entries()) {
    const duration = integerOf(entry.attributes.get('d')) ?? 0n;
    if (duration <= 0n) throw new RangeError('its timeline has an entry without a duration');
    time = integerOf(entry.attributes.get('t')) ?? time;
    const repeat = integerOf(entry.attributes.get('r')) ?? 0n;
    const end = integerOf(entries[index + 1]?.attributes.get('t')) ?? periodEnd;
    if (repeat < 0n && end === undefined) throw new RangeError('its timeline has no end');
    const wanted = repeat < 0n ? ((end as bigint) - time + duration - 1n) / duration : repeat + 1n;
    const count = atLeastNone(wanted);
    runs.push({ time, duration, count });
    time += count * duration;
  }
  return runs;
}

function atLeastNone(count: bigint): bigint {
  return count > 0n ? count : 0n;
}

function fill(pattern: string, fields: Readonly<Record<string, string>>): string {
  return pattern.replace(
    /\$(?:(RepresentationID|Bandwidth|Number|Time)(?:%0(\d+)d)?)?\$/g,
    (whole, name: string | undefined, width: string | undefined) =>
      name === undefined
        ? '$'
        : (fields[name]?.padStart(Math.min(Number(width ?? 0), MAX_URI_LENGTH + 1), '0') ?? whole),
  );
}

function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.get(name) ?? [];
}

function joinUri(base: string, uri: string): string {
  if (base.length + uri.length > MAX_URI_LENGTH) {
    throw new RangeError('a reference in it is too long');
  }
  if (/^(?:[a-z][a-z0-9+.-]*:|\/)/i.test(uri)) return uri;
  return uri === '' ? base : base.slice(0, base.lastIndexOf('/') + 1) + uri;
}

/** No number of a presentation has more than 64 bits. */
function integerOf(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\s*-?\d{1,20}\s*$/.test(text) ? BigInt(text) : undefined;
}

/** Seconds of `PT1H2M3.5S` and its like; years and months, which have no certain length, may be 0. */
function secondsOf(text: string | undefined): number | undefined {
  const match = /^P(?:0+Y)?(?:0+M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(
    text ?? '',
  );
  if (match === null) return undefined;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  const total = (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0);
  return Number.isFinite(total) ? total : undefined;
}
