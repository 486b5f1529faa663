import { flatten, pathsOf, type Flag, type Grammar, type Values } from './grammar.js';

/** A completion script for fish: to be sourced, or to lie in its directory `completions`. */
export function fishCompletion(program: Grammar): string {
  const all = flatten(program);
  const { top, nested } = pathsOf(all);
  return `# fish completion of ${program.name}
# Load it with: ${program.name} completion fish | source

# Whether the words before the cursor name this command; with a second one, also how many they are.
function __vod_upload_at
    set -l typed (commandline -opc)
    set -l command ''
    contains -- "$typed[2]" ${top.join(' ')}; and set command $typed[2]
    contains -- "$typed[2..3]" ${nested.map(quoted).join(' ')}; and set command "$typed[2..3]"
    test "$command" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; or test (count $typed) -eq $argv[2]
end

complete -c ${program.name} -e
${all.map((command) => commandLines(program.name, command)).join('\n')}`;
}

function commandLines(program: string, { path, depth, flags, operand, commands }: Grammar): string {
  const here = `complete -c ${program} -n ${quoted(`__vod_upload_at ${quotedTwice(path)}`)}`;
  const first = `complete -c ${program} -n ${quoted(`__vod_upload_at ${quotedTwice(path)} ${depth}`)}`;
  const lines = [
    ...commands.map(({ name, description }) => `${first} -a ${name} -d ${quoted(description)}`),
    ...flags.map((flag) => `${here} ${flagWords(flag)}`),
    operand === 'file' ? `${here} -F` : `${here} ${valueWords(operand)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function flagWords({ names, description, values, isOptional }: Flag): string {
  const typed = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  // fish knows no value that may be left out.
  const taken = values === undefined || isOptional ? [] : ['-r', valueWords(values)];
  return [...typed, ...taken, '-d', quoted(description)].join(' ');
}

function valueWords(values: Values | undefined): string {
  switch (values) {
    case 'file':
      return '-F';
    case 'directory':
      return "-f -a '(__fish_complete_directories)'";
    case 'text':
    case undefined:
      return '-f';
    default:
      return `-f -a ${quoted(values.join(' '))}`;
  }
}

function quotedTwice(text: string): string {
  return `"${text}"`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
