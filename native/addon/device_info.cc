// The ioctls of <linux/fs.h> that describe a block device.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

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
  struct stat status {};
  if (::fstat(fd, &status) != 0) throwSystemError(env, errno, "fstat");
  const bool isDevice = S_ISBLK(status.st_mode);

  Napi::Object object = Napi::Object::New(env);
  object["isBlockDevice"] = isDevice;
  object["sizeBytes"] = static_cast<double>(isDevice ? ask<uint64_t>(env, fd, BLKGETSIZE64)
                                                     : static_cast<uint64_t>(status.st_size));
  object["logicalBlockBytes"] = isDevice ? ask<int>(env, fd, BLKSSZGET) : 1;
  object["physicalBlockBytes"] = isDevice ? ask<unsigned>(env, fd, BLKPBSZGET) : 1U;
  object["readOnly"] = isDevice && ask<int>(env, fd, BLKROGET) != 0;
  object["rotational"] = isDevice && ask<unsigned short>(env, fd, BLKROTATIONAL) != 0;
  return object;
}

}  // namespace fastsync
