{
  'target_defaults': {
    'cflags!': ['-fno-exceptions', '-O3', '-fno-omit-frame-pointer'],
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': [
      '-std=c++20', '-O2', '-fvisibility=hidden',
      '-Wall', '-Wextra', '-Wconversion', '-Wshadow', '-Werror',
    ],
  },
  'targets': [
    {
      # One flavour of the digest for each instruction set; the rest is compiled for any processor.
      'target_name': 'digest_avx2',
      'type': 'static_library',
      'conditions': [['target_arch=="x64"', {
        'sources': ['core/digest_avx2.cc'],
        'cflags_cc': ['-mavx2', '-mbmi2'],
      }]],
    },
    {
      'target_name': 'digest_avx512',
      'type': 'static_library',
      'conditions': [['target_arch=="x64"', {
        'sources': ['core/digest_avx512.cc'],
        'cflags_cc': ['-mavx512f', '-mbmi2'],
      }]],
    },
    {
      'target_name': 'fastsync',
      'dependencies': ['digest_avx2', 'digest_avx512'],
      'sources': [
        '<!@(ls core/*.cc | grep -v digest_avx)',
        '<!@(ls addon/*.cc)',
        '<!@(ls bpf/*.cc)',
        'bpf/program.c',
      ],
      'cflags_cc': [
        '-include', '<!(realpath addon/older_runtime.h)',
        '-isystem', '<!(node -p "require(\'node-addon-api\').include_dir" | xargs realpath)',
      ],
      'include_dirs': ['core', 'bpf'],
      # A worker that is being terminated takes no exception: the library would end the whole process.
      'defines': [
        'NAPI_VERSION=9',
        'NODE_ADDON_API_CPP_EXCEPTIONS',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      # Linked in, so that a built addon needs nothing on the machine it is carried to.
      'libraries': ['-l:liburing.a', '-l:libcrypto.a'],
      'ldflags': ['-Wl,--exclude-libs,ALL'],
    },
    {
      # A program, not part of the addon: it has to outlive what loads that.
      'target_name': 'fastsync-freezer',
      'type': 'executable',
      'sources': ['<!@(ls freezer/*.cc)'],
      # Nothing may have to be read from a file system while one is frozen.
      'ldflags': ['-static'],
    },
  ],
}
