import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'native/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Bit masks and byte counts are numbers printed in messages everywhere here.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `as number` on a typed array element within bounds, where a test per element would cost.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
    },
  },
  {
    // The floors: imports go down, never up. fsparsers is pure: no files, no processes, no native code.
    files: ['fsparsers/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(node:|.*/src/|.*/native/)', message: 'fsparsers is pure.' }] },
      ],
      'no-console': 'error',
    },
  },
);
