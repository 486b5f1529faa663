import { flatten, type Flag, type Grammar, type Values } from './grammar.js';

/** A completion script for zsh: to be sourced, or to lie in a directory of $fpath as _vod-upload. */
export function zshCompletion(program: Grammar): string {
  return `#compdef ${program.name}
# Load it with: source <(${program.name} completion zsh)

${flatten(program).reverse().map(commandFunction).join('\n')}
if [[ $funcstack[1] == ${functionName(program)} ]]; then
  ${functionName(program)} "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef ${functionName(program)} ${program.name}
fi
`;
}

/** What completes a command: by the function of its subcommand once that is typed. */
function commandFunction(command: Grammar): string {
  const { commands, flags, operand } = command;
  const specs = [
    ...flags.map(flagSpec),
    ...(operand === undefined ? [] : [`'*:${action(operand)}'`]),
  ];
  return `${functionName(command)}() {
${commands.length === 0 ? '' : `${dispatch(command)}\n`}  _arguments -s -S \\
${specs.map((spec) => `    ${spec}`).join(' \\\n')}
}
`;
}

function dispatch({ commands, operand }: Grammar): string {
  const described = commands.map(
    ({ name, description }) => `    ${quoted(`${name}:${escaped(description)}`)}`,
  );
  const cases = commands.map(
    (command) =>
      `    ${command.name}) shift words; (( CURRENT-- )); ${functionName(command)}; return ;;`,
  );
  const describe = '_describe -t commands command commands';
  return `  local -a commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    [[ $PREFIX == -* ]] || ${operand === undefined ? `{ ${describe}; return }` : describe}
  else case $words[2] in
${cases.join('\n')}
  esac; fi`;
}

function flagSpec({ names, description, values, isOptional, isRepeatable }: Flag): string {
  const shown = `[${escaped(description)}]`;
  const value = values === undefined ? '' : `${isOptional ? '::' : ':'}${action(values)}`;
  const typed = names.map((name) =>
    values === undefined ? name : name.startsWith('--') ? `${name}=` : `${name}+`,
  );
  if (isRepeatable) return quoted(`*${typed.join('')}${shown}${value}`);
  if (typed.length === 1) return quoted(`${typed.join('')}${shown}${value}`);
  return `'(${names.join(' ')})'{${typed.join(',')}}${quoted(`${shown}${value}`)}`;
}

/** The message and the action of a spec. */
function action(values: Values): string {
  switch (values) {
    case 'file':
      return 'file:_files';
    case 'directory':
      return 'directory:_files -/';
    case 'text':
      return 'value: ';
    default:
      return `value:(${values.join(' ')})`;
  }
}

function functionName({ name, path }: Grammar): string {
  return path === '' ? `_${name}` : `_vod-upload_${path.replaceAll(' ', '_')}`;
}

/** Brackets end a description, colons a field. */
function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
