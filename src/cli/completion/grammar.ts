import type { Argument, Command, Option } from 'commander';

/** What may be typed in a place: one of these words, a file, a directory, or what nobody can guess. */
export type Values = readonly string[] | 'file' | 'directory' | 'text';

export interface Flag {
  /** As they are typed: -c, --concurrency. */
  readonly names: readonly string[];
  readonly description: string;
  /** Absent where the flag takes no value. */
  readonly values?: Values;
  /** The value may be left out. */
  readonly isOptional: boolean;
  readonly isRepeatable: boolean;
}

/** What may follow a command, for a shell that completes it. */
export interface Grammar {
  /** What is typed after the program's name; nothing is the program itself. */
  readonly path: string;
  /** Where the word after it stands on the line. */
  readonly depth: number;
  readonly name: string;
  readonly description: string;
  readonly flags: readonly Flag[];
  readonly operand?: Values;
  readonly commands: readonly Grammar[];
}

/**
 * Reads from commander what may be typed. A command in `defaults` is meant where none of its
 * siblings is typed: what follows it may as well follow their parent.
 */
export function grammarOf(command: Command, defaults: ReadonlySet<string>, path = ''): Grammar {
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .map((child) => grammarOf(child, defaults, `${path} ${child.name()}`.trim()));
  const meant = commands.find((child) => defaults.has(child.path));
  const flags = help.visibleOptions(command).map(flagOf);
  const known = new Set(flags.flatMap(({ names }) => names));
  const inherited = (meant?.flags ?? []).filter(({ names }) => !names.some((n) => known.has(n)));
  const operand = command.registeredArguments.map(valuesOf)[0] ?? meant?.operand;
  return {
    path,
    depth: path.split(' ').filter((word) => word !== '').length + 1,
    name: command.name(),
    description: command.description(),
    flags: [...flags, ...inherited],
    ...(operand === undefined ? {} : { operand }),
    commands,
  };
}

/** A command with all commands below it. */
export function flatten(grammar: Grammar): Grammar[] {
  return [grammar, ...grammar.commands.flatMap(flatten)];
}

/** The commands by how many words they are, as they are typed. */
export function pathsOf(all: readonly Grammar[]): { top: string[]; nested: string[] } {
  const paths = all.map(({ path }) => path).filter((path) => path !== '');
  return {
    top: paths.filter((path) => !path.includes(' ')),
    nested: paths.filter((path) => path.includes(' ')),
  };
}

function flagOf(option: Option): Flag {
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    description: option.description,
    ...(option.required || option.optional ? { values: valuesOf(option) } : {}),
    isOptional: option.optional,
    isRepeatable: Array.isArray(option.defaultValue),
  };
}

/** By the choices that there are, or by the name in angle or square brackets. */
function valuesOf(value: Option | Argument): Values {
  if (value.argChoices !== undefined) return value.argChoices;
  const [, name] = ('flags' in value ? /[<[]([^>\]]+)/.exec(value.flags) : undefined) ?? [];
  switch (name ?? ('flags' in value ? undefined : value.name())) {
    case 'file':
    case 'input':
      return 'file';
    case 'dir':
      return 'directory';
    case 'n|auto':
    case 'size|auto':
      return ['auto'];
    default:
      return 'text';
  }
}
