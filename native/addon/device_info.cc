// The ioctls of <linux/fs.h> that describe a block device.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "device.h"
#include "system_error.h"

namespace fastsync {

namespace {

template <class T>
T ask(Napi::Env env, int fd, unsigned long request) {
  T answer{};
  if (::ioctl(fd, request, &answer) != 0) throwSystemError(env, errno, "ioctl");
  return answer;
}

}  // namespace

Napi::Value deviceInfo(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  struct statx status {};
  // As the kernel knows it: JavaScript's thread must not wait for a server.
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &status) != 0)
    throwSystemError(env, errno, "statx");
  const bool isDevice = S_ISBLK(status.stx_mode);

  Napi::Object object = Napi::Object::New(env);
  object["isBlockDevice"] = isDevice;
  object["sizeBytes"] =
      static_cast<double>(isDevice ? ask<uint64_t>(env, fd, BLKGETSIZE64) : status.stx_size);
  object["logicalBlockBytes"] = isDevice ? ask<int>(env, fd, BLKSSZGET) : 1;
  object["physicalBlockBytes"] = isDevice ? ask<unsigned>(env, fd, BLKPBSZGET) : 1U;
  object["readOnly"] = isDevice && ask<int>(env, fd, BLKROGET) != 0;
  object["rotational"] = isDevice && ask<unsigned short>(env, fd, BLKROTATIONAL) != 0;
  return object;
}

Napi::Value nextData(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const int64_t from = info[1].As<Napi::Number>().Int64Value();
  const off_t found = ::lseek(fd, from, SEEK_DATA);
  if (found >= 0) return Napi::Number::New(env, static_cast<double>(found));
  if (errno == ENXIO) return Napi::Number::New(env, -1);
  // A file system that keeps no account of its holes: everything may be data.
  if (errno == EINVAL || errno == EOPNOTSUPP) {
    return Napi::Number::New(env, static_cast<double>(from));
  }
  throwSystemError(env, errno, "lseek");
}

}  // namespace fastsync
