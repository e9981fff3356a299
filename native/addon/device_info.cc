// The ioctls of <linux/fs.h> that describe a block device.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>

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

namespace {

class CachedDevice final : public Napi::AsyncWorker {
 public:
  CachedDevice(Napi::Env env, std::string path)
      : Napi::AsyncWorker(env),
        path_(std::move(path)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  void Execute() override {
    struct statx found {};
    if (::statx(AT_FDCWD, path_.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE, &found) != 0) return;
    if (!S_ISBLK(found.stx_mode)) return;
    device_ = std::to_string(found.stx_rdev_major) + ":" + std::to_string(found.stx_rdev_minor);
  }
  void OnOK() override {
    deferred_.Resolve(device_.empty() ? Env().Null() : Napi::String::New(Env(), device_));
  }

  std::string path_;
  std::string device_;
  Napi::Promise::Deferred deferred_;
};

}  // namespace

Napi::Value cachedDevice(const Napi::CallbackInfo& info) {
  auto worker = std::make_unique<CachedDevice>(info.Env(), info[0].As<Napi::String>());
  const Napi::Promise promise = worker->promise();
  worker.release()->Queue();  // which deletes it when it is done
  return promise;
}

}  // namespace fastsync
