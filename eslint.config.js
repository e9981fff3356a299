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
    // The parsers are pure; what they may import is in .dependency-cruiser.js.
    files: ['fsparsers/**/*.ts'],
    rules: { 'no-console': 'error' },
  },
);
