import { flatten, pathsOf, type Flag, type Grammar, type Values } from './grammar.js';

/**
 * A completion script for bash, also for the 3.2 of macOS, which lacks `compopt`. What it does not
 * answer itself is left to the file names that bash completes on its own.
 */
export function bashCompletion(program: Grammar): string {
  const all = flatten(program);
  const { top, nested } = pathsOf(all);
  return `# bash completion of ${program.name}
# Load it with: source <(${program.name} completion bash)
_vod_upload() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local command='' flags='' words='' kind='' reply=''
  COMPREPLY=()
  # "--flag=value" comes as three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  if ((COMP_CWORD > 1)); then
    case \${COMP_WORDS[1]} in
      ${top.join('|')}) command=\${COMP_WORDS[1]} ;;
    esac
  fi
  if ((COMP_CWORD > 2)); then
    case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
      ${nested.map(quoted).join('|')}) command="\${COMP_WORDS[1]} \${COMP_WORDS[2]}" ;;
    esac
  fi
  case $command in
${all.map(inCommand).join('\n')}
  esac
  case $previous in
${valuesByFlag(all).map(inFlag).join('\n')}
    *)
      if [[ $current == -* ]]; then
        words=$flags kind=text
      fi
      ;;
  esac
  while IFS= read -r reply; do
    COMPREPLY+=("$reply")
  done < <(compgen -W "$words" -- "$current")
  case $kind in
    text) compopt +o default +o bashdefault 2>/dev/null ;;
    directory) compopt +o default +o bashdefault -o dirnames 2>/dev/null ;;
    file)
      # With no word among the replies bash adds the files.
      if ((\${#COMPREPLY[@]} > 0)); then
        compopt -o filenames 2>/dev/null
        while IFS= read -r reply; do
          COMPREPLY+=("$reply")
        done < <(compgen -f -- "$current")
      fi
      ;;
  esac
}
complete -o bashdefault -o default -F _vod_upload ${program.name}
`;
}

function inCommand({ path, depth, flags, operand, commands }: Grammar): string {
  const names = flags.flatMap((flag) => flag.names);
  const words = [...commands.map(({ name }) => name), ...(isWords(operand) ? operand : [])];
  // Subcommands come first or not at all.
  const shown = commands.length === 0 ? '' : `((COMP_CWORD == ${depth})) && `;
  return `    ${quoted(path)})
      flags=${quoted(names.join(' '))} kind=${kindOf(operand)}
      ${shown}words=${quoted(words.join(' '))}
      ;;`;
}

function inFlag([values, names]: readonly [Values, readonly string[]]): string {
  const words = isWords(values) ? values.join(' ') : '';
  return `    ${names.join('|')})
      words=${quoted(words)} kind=${kindOf(values)}
      ;;`;
}

/** Flags of all commands that take a value, those with equal ones together. */
function valuesByFlag(all: readonly Grammar[]): [Values, string[]][] {
  const groups = new Map<string, [Values, Set<string>]>();
  for (const { values, names } of all.flatMap(({ flags }): readonly Flag[] => flags)) {
    if (values === undefined) continue;
    const group = groups.get(String(values)) ?? [values, new Set<string>()];
    names.forEach((name) => group[1].add(name));
    groups.set(String(values), group);
  }
  return [...groups.values()].map(([values, names]) => [values, [...names]]);
}

function isWords(values: Values | undefined): values is readonly string[] {
  return typeof values === 'object';
}

function kindOf(values: Values | undefined): string {
  return isWords(values) || values === undefined ? 'text' : values;
}

function quoted(text: string): string {
  return `'${text}'`;
}
