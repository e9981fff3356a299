// The tests of the packages: they install what `npm run package` makes, so they run on their own.
export default {
  files: ['dist/test/packaging/**/*.test.js'],
  workerThreads: false,
  timeout: '30m',
  concurrency: 1,
};
