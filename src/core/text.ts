/** The second `#` of what GitHub and Azure take for a command wherever it is in a line. */
export const LOG_COMMAND = /(?<=#)#(?=\[|vso\[)/g;

/** In bytes: no system takes a longer path, so that no name of a file is cut. */
export const LONGEST_PATH = 4096;

/** A value of somebody else's, as a message quotes it: made visible, and cut where it would bury all else. */
export function visible(text: string, longest = LONGEST_PATH): string {
  return visibleMessage(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

/** A path as somebody wrote it; one that is a URL may have secrets. */
export function visiblePath(path: string): string {
  return visible(isUrl(path) ? withoutSecrets(path) : path);
}

export function isUrl(path: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
}

/** A URL without its user, password, query and fragment. */
export function withoutSecrets(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:(?:\/\/)?|\/\/)[^/]*@/i, '$1').replace(/[?#].*$/s, '');
}

/**
 * Untrusted text, or a message with some, for a terminal or a log: control characters, line and paragraph separators and
 * bidirectional marks are shown as escapes, so that a file name cannot move a cursor or forge a line.
 * Neither can it give a command to what reads the log of a pipeline: GitHub looks for `::` at the
 * start of a line and for `##[` anywhere, Azure for `##vso[`.
 */
export function visibleMessage(text: string): string {
  return text
    .replace(
      /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu,
      (char) => {
        const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
        const code = char.charCodeAt(0);
        return (
          named[char] ??
          (code < 256
            ? `\\x${code.toString(16).padStart(2, '0')}`
            : `\\u${code.toString(16).padStart(4, '0')}`)
        );
      },
    )
    .replace(/^(\s*):(?=:)/, '$1\\x3a')
    .replace(LOG_COMMAND, '\\x23');
}
