/**
 * The rooms of src/README.md and who may enter whom, made mechanical.
 * One override a room; `core` imports nothing, `cli` is imported by nobody.
 */
const rooms = [
  'plan',
  'pipeline',
  'net',
  'vod',
  'cos',
  'journal',
  'manifest',
  'report',
  'sandbox',
  'cli',
];

/** A room may import its own files, `core`, and the rooms in `allowed`. */
function room(name, allowed, reason) {
  const forbidden = rooms.filter((other) => other !== name && !allowed.includes(other));
  return {
    files: [`src/${name}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: forbidden.map((other) => `**/${other}/**`), message: reason }] },
      ],
    },
  };
}

module.exports = {
  root: true,
  parser: '@typescript-eslint/parser',
  parserOptions: { project: './tsconfig.json', tsconfigRootDir: __dirname },
  plugins: ['@typescript-eslint'],
  extends: ['eslint:recommended', 'plugin:@typescript-eslint/recommended'],
  ignorePatterns: ['dist', 'node_modules', '*.cjs', '*.js', '*.mjs'],
  rules: {
    '@typescript-eslint/no-floating-promises': 'error',
    '@typescript-eslint/no-misused-promises': 'error',
    '@typescript-eslint/await-thenable': 'error',
    '@typescript-eslint/consistent-type-imports': 'error',
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    'no-console': 'error',
    'no-control-regex': 'off',
    eqeqeq: 'error',
    complexity: ['warn', 12],
    'max-lines': ['warn', { max: 300, skipBlankLines: true, skipComments: true }],
    'max-lines-per-function': ['warn', { max: 60, skipBlankLines: true, skipComments: true }],
  },
  overrides: [
    {
      files: ['src/core/**/*.ts'],
      rules: {
        'no-restricted-syntax': [
          'error',
          {
            selector: 'ImportDeclaration[source.value=/^(?!\\.\\u002f)/]',
            message: 'core is data and arithmetic: it imports nothing',
          },
        ],
      },
    },
    room('plan', [], 'plan reads the disk and decides; it talks to nobody'),
    room(
      'pipeline',
      [],
      'the story is told in terms of core/ports, so that it runs without a socket',
    ),
    room('net', [], 'net is one HTTP request; it knows neither VOD nor COS'),
    room('vod', ['net'], 'the control plane knows the wire and nothing else'),
    room('cos', ['net'], 'the data plane knows the wire and nothing else'),
    room('journal', [], 'the journal is memory; it asks nobody'),
    room('manifest', [], 'records in, file out'),
    room('report', [], 'reports listen to events and have no opinion'),
    room('sandbox', [], 'a server that shared code with the client would share its misreadings'),
    {
      files: ['src/*/**/*.ts'],
      excludedFiles: ['src/cli/**'],
      rules: {
        'no-restricted-globals': [
          'error',
          { name: 'process', message: 'process, env and argv live in cli/' },
        ],
      },
    },
    {
      files: ['test/**/*.ts'],
      rules: {
        'max-lines-per-function': 'off',
        '@typescript-eslint/no-floating-promises': 'off',
      },
    },
  ],
};
